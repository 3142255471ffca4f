import type { RolloutStrategyInput } from '@trestle/contract'

export type StrategyKind = Exclude<RolloutStrategyInput['kind'], 'preset'> | 'safe' | 'fast'

/** What a person has typed of a strategy; numbers as they are shown. */
export type StrategyDraft = Readonly<{
  kind: StrategyKind
  /** Percents in turn, as `5, 25, 50`. */
  steps: string
  percent: number
  minutes: number
  minRequests: number
  needsApproval: boolean
  /** `labels`, or the name of a business metric. */
  goal: string
  isMoreBetter: boolean
  /** Of a shadow, in dollars a day; empty: no cap. */
  dailyCapUsd: number | null
}>

export const firstDraft: StrategyDraft = {
  kind: 'safe',
  steps: '5, 25, 50',
  percent: 10,
  minutes: 10,
  minRequests: 200,
  needsApproval: false,
  goal: 'labels',
  isMoreBetter: true,
  dailyCapUsd: null,
}

/** Each strategy with what it does, in the order of how careful it is. */
export const STRATEGIES: readonly { kind: StrategyKind; label: string; says: string }[] = [
  { kind: 'safe', label: 'Safe', says: 'Copies first, then 1, 5, 25 and 50 % of the requests.' },
  { kind: 'fast', label: 'Fast', says: '10 and 50 % of the requests, a few minutes each.' },
  { kind: 'canary', label: 'Canary', says: 'Your own steps of weight.' },
  { kind: 'linear', label: 'Linear', says: 'The same weight more at every step.' },
  {
    kind: 'shadow',
    label: 'Shadow study',
    says: 'Copies of requests; nobody sees the answers, no traffic moves.',
  },
  {
    kind: 'blue-green',
    label: 'Blue-green',
    says: 'Loaded and tried by name, then everything at once; the old one stays warm.',
  },
  { kind: 'all-at-once', label: 'All at once', says: 'Everything now, watched while it bakes.' },
  {
    kind: 'ab-test',
    label: 'A/B test',
    says: 'A fixed split until labels or a business metric name the winner.',
  },
  {
    kind: 'bandit',
    label: 'Bandit',
    says: 'The better variant gets more as the evidence grows (Thompson sampling).',
  },
]

/** The steps that were typed, or what is wrong with them. */
export function stepsOf(text: string): readonly number[] | string {
  const steps = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map(Number)
  if (steps.length === 0) return 'Give at least one percentage.'
  if (steps.some((step) => !(step > 0 && step < 100))) return 'Percentages lie between 0 and 100.'
  const isRising = steps.every((step, i) => step > (steps[i - 1] ?? 0))
  return isRising ? steps : 'Every step must carry more than the one before it.'
}

/** The strategy as the API takes it; null while the draft is not complete. */
export function toStrategy(draft: StrategyDraft): RolloutStrategyInput | null {
  const { kind, percent, minRequests, needsApproval } = draft
  const bakeMs = Math.round(draft.minutes * 60_000)
  switch (kind) {
    case 'safe':
    case 'fast':
      return { kind: 'preset', preset: kind }
    case 'canary': {
      const steps = stepsOf(draft.steps)
      if (typeof steps === 'string') return null
      return {
        kind,
        steps: steps.map((weightPercent) => ({
          weightPercent,
          bakeMs,
          minRequests,
          needsApproval,
        })),
      }
    }
    case 'linear':
      return { kind, stepPercent: percent, everyMs: bakeMs, minRequests }
    case 'shadow':
      return { kind, bakeMs, minRequests, needsApproval, dailyCapUsd: draft.dailyCapUsd }
    case 'blue-green':
      return { kind, previewMs: bakeMs, needsApproval }
    case 'all-at-once':
      return { kind, finalBakeMs: bakeMs }
    case 'ab-test':
    case 'bandit': {
      const goal = goalOf(draft)
      if (goal === null) return null
      const common = { goal, minDurationMs: bakeMs, minRequests }
      return kind === 'ab-test'
        ? { kind, weightPercent: percent, ...common }
        : { kind, startPercent: percent, ...common }
    }
  }
}

function goalOf({ goal, isMoreBetter }: StrategyDraft) {
  const name = goal.trim()
  if (name === '') return null
  return name === 'labels'
    ? ({ kind: 'labels' } as const)
    : ({ kind: 'business-metric', name, higherIsBetter: isMoreBetter } as const)
}
