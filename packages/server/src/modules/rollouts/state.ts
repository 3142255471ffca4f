import type { HoldCause, RolloutPhase } from '@trestle/contract'
import type { Plan, Stage } from './plan.ts'

/** Where a rollout stands. Everything that outlives a restart; weights follow from it by the plan. */
export type RolloutState = Readonly<{
  phase: RolloutPhase
  /** Index of the stage; stays where it was while holding, paused or ending. */
  step: number
  /** Since when this stage's traffic is live; evidence and bake time count from here. Null until it is. */
  appliedAt: number | null
  hold: HoldCause | null
  reason: string
  deadlineAt: number
  /** What a resume from a frozen deadline grants anew. */
  deadlineMs: number
  pausedAt: number | null
  /** Since when a freeze window holds it. */
  frozenAt: number | null
  /** What a bandit gives the new variant now, and since when; null: what the stage says. */
  share: Readonly<{ basisPoints: number; at: number }> | null
  approvedSteps: readonly number[]
  /** Where `rolling-back` leads. */
  ending: 'rolled-back' | 'aborted'
  endedAt: number | null
}>

/** What the rules made of one look at the gates. */
export type Decision =
  | { kind: 'wait'; reason: string }
  | { kind: 'advance'; reason: string }
  /** A bandit moves its share of the traffic. */
  | { kind: 'reweight'; basisPoints: number; reason: string }
  | { kind: 'hold'; cause: HoldCause; reason: string }
  | { kind: 'roll-back'; reason: string }

export type RolloutEvent = Readonly<
  | { kind: 'candidate-ready'; at: number }
  | { kind: 'candidate-failed'; at: number; error: string }
  /** Loaded, and a freeze window forbids the first step. */
  | { kind: 'frozen'; at: number; reason: string }
  | { kind: 'traffic-applied'; at: number }
  | { kind: 'looked'; at: number; step: number; decision: Decision }
  | { kind: 'breaker-tripped'; at: number; reason: string }
  /** By `aborted` a running rollout ends; `rolled-back` also takes a promotion back. */
  | { kind: 'alerted'; at: number; ending: RolloutState['ending']; reason: string }
  | { kind: 'deadline-passed'; at: number }
  | { kind: 'settled'; at: number }
  | { kind: 'endpoint-gone'; at: number }
  | { kind: 'replaced'; at: number; by: string }
  | { kind: 'human'; action: HumanAction; at: number; note: string }
>
export type HumanAction = 'pause' | 'resume' | 'promote' | 'abort' | 'approve'

export type Outcome =
  | { kind: 'moved'; state: RolloutState }
  | { kind: 'unchanged' }
  | { kind: 'refused'; because: string }

const ENDED = ['promoted', 'finished', 'rolled-back', 'aborted'] as const
const ENDING = ['promoting', 'finishing', 'rolling-back'] as const

export const hasEnded = (phase: RolloutPhase): boolean => ENDED.some((p) => p === phase)
export const isEnding = (phase: RolloutPhase): boolean => ENDING.some((p) => p === phase)

export const stageAt = (plan: Plan, step: number): Stage => {
  const stage = plan.stages[step]
  if (stage === undefined)
    throw new Error(`Invariant: a plan of ${plan.stages.length} stages has no stage ${step}`)
  return stage
}

/** The deadline as it is now: time in a freeze window doesn't count against it. */
export const deadlineOf = (state: RolloutState, now: number): number =>
  state.deadlineAt + (state.frozenAt === null ? 0 : Math.max(0, now - state.frozenAt))

export const initialState = (now: number, deadlineMs: number): RolloutState => ({
  phase: 'pending',
  step: 0,
  appliedAt: null,
  hold: null,
  reason: 'Loading the new variant',
  deadlineAt: now + deadlineMs,
  deadlineMs,
  pausedAt: null,
  frozenAt: null,
  share: null,
  approvedSteps: [],
  ending: 'rolled-back',
  endedAt: null,
})
