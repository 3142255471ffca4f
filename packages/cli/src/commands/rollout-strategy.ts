import type { Api, RouteInput } from '@trestle/contract'

type NewRollout = RouteInput<Api['rollouts']['createRollout']>
type Strategy = NonNullable<NewRollout['strategy']>

export const STRATEGIES = ['safe', 'fast', 'shadow', 'canary', 'blue-green', 'all-at-once'] as const

export type StrategyOptions = Readonly<{
  strategy?: (typeof STRATEGIES)[number]
  steps?: readonly number[]
  /** How long each step lasts at least, in ms. */
  bake?: number
  finalBake?: number
  minRequests?: number
  needsApproval?: boolean
}>

/** Which options say something about which strategy, beyond its name. */
const TAKES: Readonly<Record<(typeof STRATEGIES)[number], readonly (keyof StrategyOptions)[]>> = {
  safe: [],
  fast: [],
  shadow: ['bake', 'minRequests', 'needsApproval'],
  canary: ['steps', 'bake', 'finalBake', 'minRequests', 'needsApproval'],
  'blue-green': ['bake', 'finalBake', 'needsApproval'],
  'all-at-once': ['bake', 'finalBake'],
}

/** The first option that the strategy has no use for: better refused than ignored. */
export function uselessOption(options: StrategyOptions): keyof StrategyOptions | null {
  const takes = TAKES[nameOf(options)]
  const others = ['steps', 'bake', 'finalBake', 'minRequests', 'needsApproval'] as const
  return others.find((key) => options[key] !== undefined && !takes.includes(key)) ?? null
}

/** `--steps` and nothing else means a canary. */
export const nameOf = (options: StrategyOptions): (typeof STRATEGIES)[number] =>
  options.strategy ?? (options.steps === undefined ? 'safe' : 'canary')

/** The strategy as the API takes it; what is not said is the server's default. */
export function strategyOf(options: StrategyOptions): Strategy {
  const { bake, finalBake, minRequests, needsApproval } = options
  const kind = nameOf(options)
  const end = finalBake === undefined ? {} : { finalBakeMs: finalBake }
  const step = {
    ...(bake === undefined ? {} : { bakeMs: bake }),
    ...(minRequests === undefined ? {} : { minRequests }),
    ...(needsApproval === undefined ? {} : { needsApproval }),
  }
  switch (kind) {
    case 'safe':
    case 'fast':
      return { kind: 'preset', preset: kind }
    case 'shadow':
      return { kind, ...step }
    case 'canary':
      return {
        kind,
        steps: (options.steps ?? [10, 50]).map((weightPercent) => ({ weightPercent, ...step })),
        ...end,
      }
    case 'blue-green':
      return {
        kind,
        ...(bake === undefined ? {} : { previewMs: bake }),
        ...(needsApproval === undefined ? {} : { needsApproval }),
        ...end,
      }
    case 'all-at-once': {
      const last = finalBake ?? bake
      return last === undefined ? { kind } : { kind, finalBakeMs: last }
    }
  }
}
