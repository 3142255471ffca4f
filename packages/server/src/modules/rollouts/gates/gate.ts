import type { Gate, GateInput, GateMetric } from '@trestle/contract'
import type { Plan, Stage } from '../plan.ts'

type Defaults = Omit<Gate, 'metric'>

const gateOf = (margin: number, minSamples: number, more: Partial<Defaults> = {}): Defaults => ({
  margin,
  max: null,
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
  'prediction-distribution': gateOf(0.2, 500, { isCritical: false }),
  agreement: gateOf(0.1, 200, { isCritical: false }),
  'label-quality': gateOf(0.02, 200),
  cost: gateOf(0.25, 200, { isCritical: false }),
  'sample-ratio': gateOf(0.01, 500),
  'input-drift': gateOf(0, 1, { isCritical: false }),
}

const COMPARING: readonly GateInput[] = [
  { metric: 'error-rate' },
  { metric: 'timeout-rate' },
  { metric: 'latency-p95' },
  { metric: 'nan-outputs' },
]
const ABSOLUTE: readonly GateInput[] = [{ metric: 'error-rate', max: 0.05 }]

/** The gates of a rollout, filled in. Without any given, those that the plan can judge. */
export function resolveGates(given: readonly GateInput[], plan: Plan): Gate[] {
  const compares = plan.stages.some((stage) => stage.kind === 'shadow' || stage.kind === 'canary')
  const chosen = given.length > 0 ? given : compares ? COMPARING : ABSOLUTE
  return chosen.map((gate) => ({ ...DEFAULTS[gate.metric], ...gate }))
}

/** Whether a gate can be judged in a stage: a comparison needs two arms at the same time, never before against after. */
export function appliesTo(gate: Gate, stage: Stage): boolean {
  switch (stage.kind) {
    case 'preview':
      return false
    case 'baking':
      return gate.metric === 'input-drift' || (gate.max !== null && HAS_CEILING.has(gate.metric))
    case 'shadow':
      return gate.metric !== 'sample-ratio' && gate.metric !== 'label-quality'
    case 'canary':
      return gate.metric !== 'agreement'
  }
}

const HAS_CEILING: ReadonlySet<GateMetric> = new Set([
  'error-rate',
  'timeout-rate',
  'nan-outputs',
  'latency-p50',
  'latency-p95',
  'latency-p99',
  'cost',
])

/** What is wrong with these gates for this plan; null when every promotion would rest on some evidence. */
export function refuseGates(gates: readonly Gate[], plan: Plan): string | null {
  const metrics = gates.map((gate) => gate.metric)
  const twice = metrics.find((metric, i) => metrics.indexOf(metric) !== i)
  if (twice !== undefined) return `There are two gates for ${twice}`
  const useless = gates.find((gate) => !plan.stages.some((stage) => appliesTo(gate, stage)))
  if (useless !== undefined)
    return `No step of this strategy can judge ${useless.metric}; with one variant at a time a gate needs a "max"`
  const blind = plan.stages.find(
    (stage) =>
      (stage.kind === 'shadow' || stage.kind === 'canary') &&
      !gates.some((gate) => appliesTo(gate, stage))
  )
  return blind === undefined ? null : `No gate can be judged in the ${blind.kind} step`
}
