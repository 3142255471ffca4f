import type { Gate, GateVerdict, Rollout, RolloutPhase, RolloutStrategy } from '@trestle/contract'
import type { Traffic } from '../serving/index.ts'
import { weightsOf, type GoalInput } from './goal.ts'
import type { Plan } from './plan.ts'
import type { RegistryStage } from './ports.ts'
import { hasEnded, type RolloutState } from './state.ts'

/** What was asked for, resolved. Never changes after creation. */
export type RolloutSpec = Readonly<{
  model: Readonly<{ name: string; version: number }>
  candidate: string
  candidateWasThere: boolean
  baseline: string
  before: Traffic
  strategy: RolloutStrategy
  plan: Plan
  gates: readonly Gate[]
  onInsufficient: 'roll-back' | 'freeze'
  failureLimit: number
  alpha: number
  environmentErrorRate: number
  promoteAlias: string | null
  promoteStage: 'Staging' | 'Production' | null
  archiveOthers: boolean
  isByPolicy: boolean
  keepOldMs: number | null
  /** The candidate of the rollout that this one replaced: removed before this one begins. */
  evicts: string | null
}>

/** What a promotion moves in the registry, as it was before: a return puts it back. */
export type RegistryBefore = Readonly<{
  alias: Readonly<{ version: number | null }> | null
  stages: readonly Readonly<{ version: number; stage: RegistryStage }>[]
}>

/** The newest look, and the counts of looks that a restart must not lose. */
export type LookRecord = Readonly<{
  at: number
  step: number
  decision: string
  verdicts: readonly GateVerdict[]
  failures: Readonly<Record<string, number>>
  looksWithoutEvidence: number
}>

export type RolloutRecord = Readonly<{
  id: string
  project: string
  endpoint: string
  endpointId: string
  version: number
  spec: RolloutSpec
  state: RolloutState
  look: LookRecord | null
  trouble: string | null
  registryBefore: RegistryBefore | null
  retireAt: number | null
  createdAt: number
  createdBy: string
}>

export type TransitionRecord = Readonly<{
  seq: number
  at: number
  actor: string
  event: string
  from: RolloutPhase
  to: RolloutPhase
  step: number
  reason: string
  weights: { candidatePercent: number; shadowShare: number }
  verdicts: readonly GateVerdict[]
}>

export const goalInputOf = (rollout: Pick<RolloutRecord, 'id' | 'spec' | 'state'>): GoalInput => ({
  id: rollout.id,
  state: rollout.state,
  plan: rollout.spec.plan,
  candidate: rollout.spec.candidate,
  before: rollout.spec.before,
  candidateWasThere: rollout.spec.candidateWasThere,
})

export function toWire(rollout: RolloutRecord): Rollout {
  const { spec, state, look } = rollout
  return {
    id: rollout.id,
    project: rollout.project,
    endpoint: rollout.endpoint,
    endpointId: rollout.endpointId,
    model: spec.model,
    candidate: spec.candidate,
    baseline: spec.baseline,
    strategy: spec.strategy,
    stages: spec.plan.stages.map(({ basisPoints, moves: _, ...stage }) => ({
      ...stage,
      candidatePercent: basisPoints / 100,
    })),
    gates: [...spec.gates],
    phase: state.phase,
    step: state.step,
    isActive: !hasEnded(state.phase),
    hold: state.hold,
    reason: state.reason,
    weights: weightsOf(goalInputOf(rollout)),
    promoteAlias: spec.promoteAlias,
    promoteStage: spec.promoteStage,
    isByPolicy: spec.isByPolicy,
    deadlineAt: state.deadlineAt,
    createdAt: rollout.createdAt,
    createdBy: rollout.createdBy,
    endedAt: state.endedAt,
    retireAt: rollout.retireAt,
    look:
      look === null ? null : { at: look.at, decision: look.decision, verdicts: [...look.verdicts] },
    trouble: rollout.trouble,
  }
}
