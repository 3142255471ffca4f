import type { Api, RouteResult } from '@trestle/contract'
import type { Command } from 'commander'
import { contextOf } from '../context.ts'

type Policy = RouteResult<Api['rollouts']['putPolicy']>

/** `trestle rollouts policies …` */
export function addPolicyCommands(rollouts: Command): void {
  const policies = rollouts
    .command('policies')
    .description(
      'how versions come to their endpoints; declared with defineRollout, by trestle apply'
    )

  policies
    .command('list', { isDefault: true })
    .description('list rollout policies')
    .addHelpText('after', '\nExample:\n  trestle rollouts policies')
    .action(async (_options: unknown, command: Command) => {
      const { client, out } = contextOf(command)
      const { items } = await client.rollouts.listPolicies()
      out.table(
        items,
        [
          ['endpoint', (p) => p.endpoint],
          ['model', (p) => p.model],
          ['begins on', (p) => sayTrigger(p.on)],
          ['strategy', (p) => (p.strategy.kind === 'preset' ? p.strategy.preset : p.strategy.kind)],
          ['gates', (p) => p.gates.map((g) => g.name ?? g.metric).join(', ') || "the strategy's"],
        ],
        'No policies. Declare one with defineRollout and apply it: trestle apply trestle.config.ts'
      )
    })

  policies
    .command('remove')
    .description('forget a policy; running rollouts go on')
    .argument('<endpoint>')
    .addHelpText('after', '\nExample:\n  trestle rollouts policies remove fraud')
    .action(async (endpoint: string, _options: unknown, command: Command) => {
      const { client, out } = contextOf(command)
      await client.rollouts.deletePolicy({ endpoint })
      if (!out.json({ endpoint })) out.say(`The policy of ${endpoint} is gone.`)
    })
}

const sayTrigger = (on: Policy['on']): string =>
  on === null ? 'a command' : 'alias' in on ? `alias ${on.alias}` : `stage ${on.stage}`
