import { api, type GateInput } from '@trestle/contract'
import { InvalidArgumentError, Option, type Command } from 'commander'
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
      new Option('--strategy <name>', 'how to go about it; safe when nothing is said').choices(
        STRATEGIES
      )
    )
    .option('--steps <percents>', 'canary: the weights in turn, e.g. 10,50', parseSteps)
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
Gates: error-rate, timeout-rate, latency-p50, latency-p95, latency-p99, nan-outputs, prediction-distribution,
agreement, label-quality, cost, sample-ratio, input-drift. Without --gate, the strategy's own.

Example:
  trestle rollouts start fraud --model fraud/3 --steps 10,50 --bake 10m --gate error-rate=0.01 --alias champion --watch`
    )
    .action(async (endpoint: string, options: StartOptions, command: Command) => {
      const { model, variant, alias, deadline, gate = {} } = options
      if (model === undefined && variant === undefined)
        command.error('error: say what to roll out: --model fraud/3')
      const useless = uselessOption(options)
      if (useless !== null)
        command.error(`error: the strategy ${nameOf(options)} has no use for --${kebab(useless)}`)
      const body = {
        endpoint,
        strategy: strategyOf(options),
        gates: gatesOf(gate, command),
        replace: options.replace ?? false,
        ...(model === undefined ? {} : { model }),
        ...(variant === undefined ? {} : { variant }),
        ...(alias === undefined ? {} : { promoteAlias: alias }),
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

/** The gates, checked against the contract before anything is asked of the server. */
function gatesOf(margins: Readonly<Record<string, number>>, command: Command): GateInput[] {
  const gates = Object.entries(margins).map(([metric, margin]) => ({ metric, margin }))
  const parsed = api.rollouts.createRollout.body.safeParse({ endpoint: 'e', model: 'm', gates })
  if (parsed.success) return parsed.data.gates
  const issue = parsed.error.issues[0]
  const which = gates[Number(issue?.path[1])]?.metric ?? ''
  return command.error(`error: --gate ${which}: ${issue?.message ?? 'not valid'}`)
}

const kebab = (key: string): string => key.replaceAll(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)
