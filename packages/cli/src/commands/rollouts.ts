import type { Rollout } from '@trestle/contract'
import type { TrestleClient } from '@trestle/sdk'
import type { Command } from 'commander'
import { contextOf } from '../context.ts'
import { firstItems } from '../every-page.ts'
import { showTime, type Output } from '../output.ts'
import { parseCount } from '../parse/key-value.ts'
import { tellRollout } from './rollout-story.ts'
import { watchRollout } from './rollouts-watch.ts'
import { addFreezeCommands } from './rollouts-freeze.ts'
import { addPolicyCommands } from './rollouts-policies.ts'
import { addStartCommand } from './rollouts-start.ts'

type Client = TrestleClient['rollouts']
type Act = (client: Client, input: { id: string; note: string }) => Promise<Rollout>

const ACTIONS: readonly (readonly [name: string, description: string, act: Act])[] = [
  ['pause', 'stand still; harm still rolls back', (c, i) => c.pauseRollout(i)],
  ['resume', 'go on after a pause or a freeze', (c, i) => c.resumeRollout(i)],
  [
    'promote',
    'give the new variant everything now, whatever the gates say',
    (c, i) => c.promoteRollout(i),
  ],
  ['abort', 'give the traffic back to the old variant', (c, i) => c.abortRollout(i)],
  ['approve', 'approve the step that waits for it', (c, i) => c.approveRollout(i)],
]

/** `trestle rollouts …` */
export function addRolloutCommands(program: Command): void {
  const rollouts = program
    .command('rollouts')
    .description('rollouts: a new model version takes over step by step, judged by its gates')

  rollouts
    .command('list', { isDefault: true })
    .description('list rollouts, newest first')
    .option('--endpoint <name>', 'of this endpoint only')
    .option('--limit <n>', 'how many', parseCount, 20)
    .addHelpText('after', '\nExample:\n  trestle rollouts list --endpoint fraud')
    .action(async ({ endpoint, limit }: { endpoint?: string; limit: number }, command: Command) => {
      const { client, out } = contextOf(command)
      const items = await firstItems(
        (q) =>
          client.rollouts.listRollouts({ ...q, ...(endpoint === undefined ? {} : { endpoint }) }),
        limit
      )
      out.table(
        items,
        [
          ['id', (r) => r.id],
          ['endpoint', (r) => r.endpoint],
          ['model', (r) => `${r.model.name}/${r.model.version}`],
          ['strategy', (r) => (r.strategy.kind === 'preset' ? r.strategy.preset : r.strategy.kind)],
          ['phase', (r) => r.phase],
          ['weight', (r) => `${r.weights.candidatePercent}%`],
          ['started', (r) => showTime(r.createdAt)],
          ['reason', (r) => r.reason],
        ],
        'No rollouts. Start one: trestle rollouts start fraud --model fraud/3'
      )
    })

  rollouts
    .command('show')
    .description('tell the story of a rollout: what happened, when, and on which evidence')
    .argument('<id>')
    .addHelpText('after', '\nExample:\n  trestle rollouts show ro_01K…')
    .action(async (id: string, _options: unknown, command: Command) => {
      const { client, out } = contextOf(command)
      const rollout = await client.rollouts.getRollout({ id })
      if (!out.json(rollout)) out.say(tellRollout(rollout))
    })

  addStartCommand(rollouts)

  rollouts
    .command('watch')
    .description('follow a rollout until it ends; exit code 0 if promoted or finished, else 1')
    .argument('<id>')
    .addHelpText('after', '\nExample:\n  trestle rollouts watch ro_01K… && echo promoted')
    .action(async (id: string, _options: unknown, command: Command) => {
      process.exitCode = await watchRollout(contextOf(command), id)
    })

  addFreezeCommands(rollouts)
  addPolicyCommands(rollouts)

  for (const [name, description, act] of ACTIONS)
    rollouts
      .command(name)
      .description(description)
      .argument('<id>')
      .option('--note <text>', 'why; it is kept in the timeline', '')
      .addHelpText(
        'after',
        `\nExample:\n  trestle rollouts ${name} ro_01K… --note "checked by hand"`
      )
      .action(async (id: string, { note }: { note: string }, command: Command) => {
        const { client, out } = contextOf(command)
        showMove(out, await act(client.rollouts, { id, note }))
      })
}

/** Where a rollout stands now. */
function showMove(out: Output, rollout: Rollout): void {
  if (!out.json(rollout))
    out.say(
      `${rollout.id} is ${rollout.phase}, ${rollout.candidate} at ${rollout.weights.candidatePercent}%. ${rollout.reason}`
    )
}
