import type { Gate } from '@trestle/contract'
import { stageNow } from './goal.ts'
import type { Look } from './gates/look.ts'
import { percent } from './gates/words.ts'
import type { RolloutRecord } from './record.ts'
import type { Decision } from './state.ts'
import { chanceOfBetter, type Arm } from './thompson.ts'

/** A share that would move by less stays: callers keep their variant, and the timeline its meaning. */
const SMALLEST_MOVE = 100

/** What a bandit's look adds to a decision that only waits for more evidence: its share follows the chance of being the better one. */
export function reweighed(rollout: RolloutRecord, look: Look, decision: Decision): Decision {
  const { state, spec } = rollout
  const { moves } = look.stage
  const isOpen =
    decision.kind === 'wait' || (decision.kind === 'hold' && decision.cause === 'insufficient')
  const isMoving = state.phase === 'bandit' || state.hold === 'insufficient'
  const { goal } = spec.plan
  if (moves === null || goal === null || !isOpen || !isMoving) return decision
  const movedAt = state.share?.at ?? state.appliedAt ?? look.now
  if (look.now < movedAt + moves.everyMs && look.now >= movedAt) return decision
  const gate = spec.gates.find((g) => g.metric === goal.metric && g.name === (goal.name ?? null))
  const arms = gate === undefined ? null : rewardsOf(gate, look)
  const chance = arms === null ? null : chanceOfBetter(arms.candidate, arms.baseline)
  if (chance === null) return decision
  const wanted = Math.round(chance * 10_000)
  const basisPoints = Math.min(moves.most, Math.max(moves.least, wanted))
  const now = stageNow({ plan: spec.plan, state }).basisPoints
  if (Math.abs(basisPoints - now) < SMALLEST_MOVE) return decision
  return {
    kind: 'reweight',
    basisPoints,
    reason: `The new variant is the better one with a chance of ${percent(chance)}: it gets ${percent(basisPoints / 10_000)} of the requests`,
  }
}

function rewardsOf(gate: Gate, look: Look): { candidate: Arm; baseline: Arm } | null {
  if (gate.metric === 'business-metric') {
    const values = look.business.get(gate.name ?? '')
    if (values?.ok !== true || values.value.baseline === null) return null
    const sign = gate.higherIsBetter ? 1 : -1
    const arm = (facts: typeof values.value.candidate): Arm => ({
      ...facts,
      mean: sign * facts.mean,
      isBinary: false,
    })
    return { candidate: arm(values.value.candidate), baseline: arm(values.value.baseline) }
  }
  const candidate = look.candidate.ok ? look.candidate.value.labelled : null
  const baseline = look.baseline?.ok === true ? look.baseline.value.labelled : null
  if (candidate === null || baseline === null || candidate.metric !== baseline.metric) return null
  const isBinary = candidate.metric === 'error'
  const arm = ({ n, meanLoss, varLoss }: typeof candidate): Arm => ({
    n,
    mean: isBinary ? 1 - meanLoss : -meanLoss,
    variance: varLoss,
    isBinary,
  })
  return { candidate: arm(candidate), baseline: arm(baseline) }
}
