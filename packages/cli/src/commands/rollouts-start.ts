import { readFile } from 'node:fs/promises'
import { api, type Api, type GateInput, type RouteInput } from '@trestle/contract'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { parse } from 'yaml'
import { contextOf } from '../context.ts'
import { parseDuration } from '../parse/duration.ts'
import { collectNumber, parseCount, parseList, parseNumber } from '../parse/key-value.ts'
import { withProgress } from '../progress.ts'
import {
  nameOf,
  STRATEGIES,
  strategyOf,
  uselessOption,
  type StrategyOptions,
} from './rollout-strategy.ts'
import { watchRollout } from './rollouts-watch.ts'

type StartOptions = StrategyOptions & {
  model?: string
  variant?: string
  gate?: Readonly<Record<string, number>>
  alias?: string
  stage?: 'Staging' | 'Production'
  file?: string
  deadline?: number
  replace?: boolean
  watch?: boolean
}

/** `trestle rollouts start` */
export function addStartCommand(rollouts: Command): void {
  rollouts
    .command('start')
    .description('roll a model version out to an endpoint')
    .argument('<endpoint>')
    .option('--model <reference>', 'what to roll out: fraud/3 or fraud@challenger')
    .option('--variant <name>', 'its name, or a variant that the endpoint has already')
    .addOption(
      new Option(
        '--strategy <name>',
        "how to go about it; the endpoint's policy when nothing is said, else safe"
      ).choices(STRATEGIES)
    )
    .option('--steps <percents>', 'canary: the weights in turn, e.g. 10,50', parseSteps)
    .option(
      '--percent <n>',
      'linear: more at each step; ab-test, bandit: of the new variant',
      parseNumber
    )
    .option('--goal <name>', 'ab-test, bandit: labels, or a business metric; -name: less is better')
    .option('--daily-cap <usd>', "shadow: most that a day's copies may cost", parseNumber)
    .option('--bake <duration>', 'how long each step lasts at least, e.g. 30s', parseDuration)
    .option(
      '--final-bake <duration>',
      'how long it carries everything before the end',
      parseDuration
    )
    .option('--min-requests <n>', 'fewest requests of the new variant in a step', parseCount)
    .option('--needs-approval', 'a person approves each step')
    .option(
      '--gate <metric=margin>',
      'a gate and how much worse is still fine; again for more',
      collectNumber
    )
    .option('--alias <name>', 'point this alias at the version at the very end')
    .addOption(
      new Option('--stage <name>', 'move the version to this stage at the very end').choices([
        'Staging',
        'Production',
      ])
    )
    .option('--file <path>', 'the rest as the API takes it (strategy, gates …), YAML or JSON')
    .option(
      '--deadline <duration>',
      'the rollout has to be through by then, e.g. 1h',
      parseDuration
    )
    .option('--replace', 'abort a running rollout of this endpoint first')
    .option('--watch', 'follow it; exit code 0 if promoted or finished, else 1')
    .addHelpText(
      'after',
      `
safe: a shadow, then 1, 5, 25 and 50 percent. fast: 10 and 50 percent. blue-green: --bake is the preview.
Gates: error-rate, timeout-rate, latency-p50, latency-p95, latency-p99, nan-outputs, output-schema, prediction-distribution,
feature-freshness, input-drift, agreement, score-difference, rank-correlation, label-quality, paired-labels, cost, sample-ratio.
Without --gate, the strategy's own. business-metric and promql have a name: give them in --file.

Example:
  trestle rollouts start fraud --model fraud/3 --steps 10,50 --bake 10m --gate error-rate=0.01 --alias champion --watch`
    )
    .action(async (endpoint: string, options: StartOptions, command: Command) => {
      const { model, variant, alias, stage, deadline, gate, file } = options
      if (model === undefined && variant === undefined)
        command.error('error: say what to roll out: --model fraud/3')
      const useless = uselessOption(options)
      if (useless !== null)
        command.error(
          `error: the strategy ${nameOf(options) ?? 'safe'} has no use for --${kebab(useless)}`
        )
      const strategy = strategyOf(options)
      const body = {
        ...(file === undefined ? {} : await readBody(file, endpoint)),
        endpoint,
        ...(strategy === null ? {} : { strategy }),
        ...(gate === undefined ? {} : { gates: gatesOf(gate, command) }),
        replace: options.replace ?? false,
        ...(model === undefined ? {} : { model }),
        ...(variant === undefined ? {} : { variant }),
        ...(alias === undefined ? {} : { promoteAlias: alias }),
        ...(stage === undefined ? {} : { promoteStage: stage }),
        ...(deadline === undefined ? {} : { deadlineMs: deadline }),
      }
      const context = contextOf(command)
      const { client, out } = context
      const rollout = await withProgress('Starting the rollout', () =>
        client.rollouts.createRollout(body)
      )
      if (options.watch === true) {
        out.say(`${rollout.id} has begun: ${rollout.candidate} beside ${rollout.baseline}.`)
        process.exitCode = await watchRollout(context, rollout.id)
      } else if (!out.json(rollout))
        out.say(`${rollout.id} has begun. Follow it: trestle rollouts watch ${rollout.id}`)
    })
}

function parseSteps(text: string): readonly number[] {
  const steps = parseList(text).map(parseNumber)
  const isRising = steps.every((s, i) => s > 0 && s < 100 && s > (steps[i - 1] ?? 0))
  if (!isRising) throw new InvalidArgumentError('give rising percentages below 100: 10,50')
  return steps
}

type Body = RouteInput<Api['rollouts']['createRollout']>

/** What a file says of a rollout, checked against the contract before anything is asked of the server. */
async function readBody(file: string, endpoint: string): Promise<Partial<Body>> {
  const content: unknown = parse(await readFile(file, 'utf8'))
  if (typeof content !== 'object' || content === null || Array.isArray(content))
    throw new Error(`${file}: give an object with strategy, gates, deadlineMs …`)
  const body = { variant: 'any', ...content, endpoint }
  const parsed = api.rollouts.createRollout.body.safeParse(body)
  if (parsed.success) return content
  const faults = parsed.error.issues.map((issue) => `  ${issue.path.join('.')}: ${issue.message}`)
  throw new Error(`${file} is not right:\n${faults.join('\n')}`)
}

/** The gates, checked against the contract before anything is asked of the server. */
function gatesOf(margins: Readonly<Record<string, number>>, command: Command): GateInput[] {
  const gates = Object.entries(margins).map(([metric, margin]) => ({ metric, margin }))
  const parsed = api.rollouts.createRollout.body.safeParse({ endpoint: 'e', model: 'm', gates })
  if (parsed.success) return parsed.data.gates ?? []
  const issue = parsed.error.issues[0]
  const which = gates[Number(issue?.path[1])]?.metric ?? ''
  return command.error(`error: --gate ${which}: ${issue?.message ?? 'not valid'}`)
}

const kebab = (key: string): string => key.replaceAll(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)
