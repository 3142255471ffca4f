import type { Api, RouteInput } from '@trestle/contract'

type NewRollout = RouteInput<Api['rollouts']['createRollout']>
type Strategy = NonNullable<NewRollout['strategy']>

export const STRATEGIES = [
  'safe',
  'fast',
  'shadow',
  'canary',
  'linear',
  'blue-green',
  'all-at-once',
  'ab-test',
  'bandit',
] as const

export type StrategyOptions = Readonly<{
  strategy?: (typeof STRATEGIES)[number]
  steps?: readonly number[]
  /** Of a linear rollout: how much more at each step; of a split: what the new variant gets. */
  percent?: number
  /** What names the winner of a split: `labels`, or the name of a business metric. */
  goal?: string
  /** How long each step lasts at least, in ms. */
  bake?: number
  finalBake?: number
  minRequests?: number
  needsApproval?: boolean
  /** Of a shadow: most that a day's copies may cost. */
  dailyCap?: number
}>

type Option = Exclude<keyof StrategyOptions, 'strategy'>

/** Which options say something about which strategy, beyond its name. */
const TAKES: Readonly<Record<(typeof STRATEGIES)[number], readonly Option[]>> = {
  safe: [],
  fast: [],
  shadow: ['bake', 'minRequests', 'needsApproval', 'dailyCap'],
  canary: ['steps', 'bake', 'finalBake', 'minRequests', 'needsApproval'],
  linear: ['percent', 'bake', 'finalBake', 'minRequests'],
  'blue-green': ['bake', 'finalBake', 'needsApproval'],
  'all-at-once': ['bake', 'finalBake'],
  'ab-test': ['percent', 'goal', 'bake', 'finalBake', 'minRequests'],
  bandit: ['percent', 'goal', 'bake', 'finalBake', 'minRequests'],
}
const OPTIONS: readonly Option[] = [
  'steps',
  'percent',
  'goal',
  'bake',
  'finalBake',
  'minRequests',
  'needsApproval',
  'dailyCap',
]

/** The first option that the strategy has no use for: better refused than ignored. */
export function uselessOption(options: StrategyOptions): Option | null {
  const takes = TAKES[nameOf(options) ?? 'safe']
  return OPTIONS.find((key) => options[key] !== undefined && !takes.includes(key)) ?? null
}

/** `--steps` and nothing else means a canary; nothing at all leaves it to the endpoint's policy. */
export const nameOf = (options: StrategyOptions): (typeof STRATEGIES)[number] | null =>
  options.strategy ?? (options.steps === undefined ? null : 'canary')

/** The strategy as the API takes it; what is not said is the server's default. Null: the endpoint's policy, else `safe`. */
export function strategyOf(options: StrategyOptions): Strategy | null {
  const { bake, finalBake, minRequests, needsApproval, percent, dailyCap } = options
  const kind = nameOf(options)
  const end = finalBake === undefined ? {} : { finalBakeMs: finalBake }
  const least = minRequests === undefined ? {} : { minRequests }
  const approval = needsApproval === undefined ? {} : { needsApproval }
  const step = { ...(bake === undefined ? {} : { bakeMs: bake }), ...least, ...approval }
  const duration = bake === undefined ? {} : { minDurationMs: bake }
  switch (kind) {
    case null:
      return null
    case 'safe':
    case 'fast':
      return { kind: 'preset', preset: kind }
    case 'shadow':
      return { kind, ...step, ...(dailyCap === undefined ? {} : { dailyCapUsd: dailyCap }) }
    case 'canary':
      return {
        kind,
        steps: (options.steps ?? [10, 50]).map((weightPercent) => ({ weightPercent, ...step })),
        ...end,
      }
    case 'linear':
      return {
        kind,
        stepPercent: percent ?? 10,
        ...(bake === undefined ? {} : { everyMs: bake }),
        ...least,
        ...end,
      }
    case 'blue-green':
      return { kind, ...(bake === undefined ? {} : { previewMs: bake }), ...approval, ...end }
    case 'all-at-once': {
      const last = finalBake ?? bake
      return last === undefined ? { kind } : { kind, finalBakeMs: last }
    }
    case 'ab-test':
      return {
        kind,
        goal: goalOf(options.goal),
        ...(percent === undefined ? {} : { weightPercent: percent }),
        ...duration,
        ...least,
        ...end,
      }
    case 'bandit':
      return {
        kind,
        goal: goalOf(options.goal),
        ...(percent === undefined ? {} : { startPercent: percent }),
        ...duration,
        ...least,
        ...end,
      }
  }
}

/** `-name` is a metric of which less is better. */
const goalOf = (goal = 'labels') =>
  goal === 'labels'
    ? { kind: 'labels' as const }
    : goal.startsWith('-')
      ? { kind: 'business-metric' as const, name: goal.slice(1), higherIsBetter: false }
      : { kind: 'business-metric' as const, name: goal }
