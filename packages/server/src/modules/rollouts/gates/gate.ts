import { gateKey, type Gate, type GateInput, type GateMetric } from '@trestle/contract'
import type { Plan, Stage } from '../plan.ts'

type Defaults = Omit<Gate, 'metric'>

const gateOf = (margin: number, minSamples: number, more: Partial<Defaults> = {}): Defaults => ({
  name: null,
  query: null,
  higherIsBetter: false,
  margin,
  max: null,
  min: null,
  floorMs: 0,
  isCritical: true,
  minSamples,
  ...more,
})

/** The tail of a latency needs the samples that are in the tail: 200 requests hold two beyond p99. */
const DEFAULTS: Readonly<Record<GateMetric, Defaults>> = {
  'error-rate': gateOf(0.01, 100),
  'timeout-rate': gateOf(0.01, 100),
  'latency-p50': gateOf(0.25, 100, { floorMs: 5 }),
  'latency-p95': gateOf(0.25, 200, { floorMs: 10 }),
  'latency-p99': gateOf(0.5, 1_000, { floorMs: 20 }),
  'nan-outputs': gateOf(0.01, 100),
  'output-schema': gateOf(0.01, 100),
  'prediction-distribution': gateOf(0.2, 500, { isCritical: false }),
  'feature-freshness': gateOf(0.5, 200, { floorMs: 60_000, isCritical: false }),
  'input-drift': gateOf(0, 1, { isCritical: false }),
  'feature-consistency': gateOf(0, 100, { isCritical: false }),
  agreement: gateOf(0.1, 200, { isCritical: false }),
  'score-difference': gateOf(0.1, 200, { isCritical: false }),
  'rank-correlation': gateOf(0.1, 200, { isCritical: false }),
  'label-quality': gateOf(0.02, 200),
  'paired-labels': gateOf(0.02, 200),
  'business-metric': gateOf(0, 200, { higherIsBetter: true }),
  cost: gateOf(0.25, 200, { isCritical: false }),
  promql: gateOf(0.25, 1, { isCritical: false }),
  'sample-ratio': gateOf(0.01, 100),
}

const COMPARING: readonly GateInput[] = [
  { metric: 'error-rate' },
  { metric: 'timeout-rate' },
  { metric: 'latency-p95' },
  { metric: 'nan-outputs' },
  { metric: 'output-schema' },
  { metric: 'sample-ratio' },
]
const ABSOLUTE: readonly GateInput[] = [{ metric: 'error-rate', max: 0.05 }]

/** The gates of a rollout, filled in. Without any given, those that the plan can judge. A split that looks for a winner has its goal among them. */
export function resolveGates(given: readonly GateInput[], plan: Plan): Gate[] {
  const compares = plan.stages.some((s) => s.kind !== 'preview' && s.kind !== 'baking')
  const own = (compares ? COMPARING : ABSOLUTE).filter((gate) =>
    plan.stages.some((stage) => appliesTo({ ...DEFAULTS[gate.metric], ...gate }, stage))
  )
  const chosen = given.length > 0 ? given : own
  const goal = plan.goal
  const all =
    goal === null || chosen.some((gate) => gateKey(gate) === gateKey(goal))
      ? chosen
      : [...chosen, goal]
  return all.map((gate) => ({ ...DEFAULTS[gate.metric], ...gate }))
}

/** Whether a gate can be judged in a stage: a comparison needs two arms at the same time, never before against after. */
export function appliesTo(gate: Gate, stage: Stage): boolean {
  switch (stage.kind) {
    case 'preview':
      return false
    case 'baking':
      return (
        gate.metric === 'input-drift' ||
        gate.metric === 'feature-consistency' ||
        ((gate.max !== null || gate.min !== null) && HAS_CEILING.has(gate.metric))
      )
    case 'shadow':
      return gate.metric !== 'sample-ratio' && gate.metric !== 'business-metric'
    case 'canary':
    case 'ab-test':
      return !PAIRED.has(gate.metric)
    case 'bandit':
      // Its share moves all the time: there is no one split to check.
      return !PAIRED.has(gate.metric) && gate.metric !== 'sample-ratio'
  }
}

/** Judged on two answers to one request, which only a shadow gives. */
const PAIRED: ReadonlySet<GateMetric> = new Set([
  'agreement',
  'score-difference',
  'rank-correlation',
  'paired-labels',
])

const HAS_CEILING: ReadonlySet<GateMetric> = new Set([
  'error-rate',
  'timeout-rate',
  'nan-outputs',
  'latency-p50',
  'latency-p95',
  'latency-p99',
  'feature-freshness',
  'business-metric',
  'promql',
  'cost',
])

/** What is wrong with these gates for this plan; null when every promotion would rest on some evidence. */
export function refuseGates(gates: readonly Gate[], plan: Plan): string | null {
  const keys = gates.map(gateKey)
  const twice = keys.find((key, i) => keys.indexOf(key) !== i)
  if (twice !== undefined) return `There are two gates for ${twice}`
  const useless = gates.find((gate) => !plan.stages.some((stage) => appliesTo(gate, stage)))
  if (useless !== undefined)
    return `No step of this strategy can judge ${useless.metric}; with one variant at a time a gate needs a "max"`
  const blind = plan.stages.find(
    (stage) =>
      stage.kind !== 'preview' &&
      stage.kind !== 'baking' &&
      !gates.some((gate) => appliesTo(gate, stage))
  )
  return blind === undefined ? null : `No gate can be judged in the ${blind.kind} step`
}
