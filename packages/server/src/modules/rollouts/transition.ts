/**
 *  pending ─► shadow ─► preview | canary(i) | ab-test | bandit ─► baking ─► promoting ─► promoted      (a stage each, by the plan)
 *     │          └──────────┴──────────────────────┴──► finishing ─► finished      (a shadow study moves no traffic)
 *     │        any stage ◄──► holding (evidence)   any stage ◄──► paused (a person)
 *     └──────► any of them ─► rolling-back ─► rolled-back | aborted
 * Pure: the caller writes the new state down before it acts on it. `promoting` is reached by `advance` out of the last stage, or by a person.
 */
import type { HoldCause } from '@trestle/contract'
import type { Plan } from './plan.ts'
import {
  deadlineOf,
  hasEnded,
  isEnding,
  stageAt,
  type Decision,
  type HumanAction,
  type Outcome,
  type RolloutEvent,
  type RolloutState,
} from './state.ts'

export function transition(state: RolloutState, event: RolloutEvent, plan: Plan): Outcome {
  if (hasEnded(state.phase)) return afterTheEnd(state, event)
  switch (event.kind) {
    case 'candidate-ready':
      return state.phase === 'pending'
        ? moved(enter(thawed(state, event.at), plan, 0), 'The new variant is loaded')
        : UNCHANGED
    case 'frozen':
      return state.phase === 'pending' && state.frozenAt === null
        ? moved({ ...state, frozenAt: event.at }, event.reason)
        : UNCHANGED
    case 'candidate-failed':
      return isGoingBack(state)
        ? UNCHANGED
        : back(state, `The new variant does not run: ${event.error}`)
    case 'traffic-applied':
      return state.appliedAt === null && state.phase !== 'pending' && !isEnding(state.phase)
        ? moved({ ...state, appliedAt: event.at }, state.reason)
        : UNCHANGED
    case 'looked':
      // A look at a stage that has been left meanwhile says nothing about this one.
      return event.step === state.step ? looked(state, event, plan) : UNCHANGED
    case 'breaker-tripped':
      return isGoingBack(state) || state.phase === 'pending' ? UNCHANGED : back(state, event.reason)
    case 'alerted':
      return isGoingBack(state)
        ? UNCHANGED
        : moved({ ...state, phase: 'rolling-back', ending: event.ending, hold: null }, event.reason)
    case 'deadline-passed':
      return state.phase === 'pending'
        ? back(state, 'The new variant was not loaded by the deadline')
        : UNCHANGED
    case 'settled':
      return settled(state, event.at)
    case 'endpoint-gone':
      return moved(
        { ...state, phase: 'aborted', hold: null, endedAt: event.at },
        'The endpoint is gone'
      )
    case 'replaced':
      return isEnding(state.phase)
        ? refused('it is already ending')
        : moved(
            { ...state, phase: 'aborted', hold: null, endedAt: event.at },
            `Replaced by ${event.by}`
          )
    case 'human':
      return human(state, event, plan)
  }
}

function looked(
  state: RolloutState,
  { decision, at }: { decision: Decision; at: number },
  plan: Plan
): Outcome {
  const isPaused = state.phase === 'paused'
  if (!(isStage(state) || state.phase === 'holding' || isPaused) || state.appliedAt === null)
    return UNCHANGED
  switch (decision.kind) {
    case 'roll-back':
      return back(state, decision.reason)
    case 'reweight':
      return reweight(state, { at, ...decision }, plan)
    case 'hold':
      return isPaused ? UNCHANGED : hold(state, { at, ...decision })
    case 'wait':
      // A frozen deadline waits for a person; every other hold ends with its cause.
      return state.phase === 'holding' && state.hold !== 'deadline'
        ? moved({ ...thawed(state, at), phase: stageAt(plan, state.step).kind }, decision.reason)
        : UNCHANGED
    case 'advance':
      return isPaused || state.hold === 'deadline'
        ? UNCHANGED
        : advance(thawed(state, at), plan, decision.reason)
  }
}

function advance(state: RolloutState, plan: Plan, reason: string): Outcome {
  if (state.step + 1 < plan.stages.length) return moved(enter(state, plan, state.step + 1), reason)
  return moved({ ...state, phase: plan.onPass === 'promote' ? 'promoting' : 'finishing' }, reason)
}

/** A bandit moves between its bounds, and only while nothing but evidence is waited for. */
function reweight(
  state: RolloutState,
  to: { at: number; basisPoints: number; reason: string },
  plan: Plan
): Outcome {
  const { moves } = stageAt(plan, state.step)
  const isMoving = state.phase === 'bandit' || state.hold === 'insufficient'
  if (moves === null || !isMoving) return UNCHANGED
  const basisPoints = Math.min(moves.most, Math.max(moves.least, Math.round(to.basisPoints)))
  return moved({ ...state, share: { basisPoints, at: to.at } }, to.reason)
}

function hold(state: RolloutState, why: { cause: HoldCause; reason: string; at: number }): Outcome {
  const { cause, reason, at } = why
  if (state.hold === 'deadline') return UNCHANGED
  if (state.phase === 'holding' && state.hold === cause) return UNCHANGED
  const frozenAt = cause === 'freeze-window' ? at : null
  return moved({ ...thawed(state, at), phase: 'holding', hold: cause, frozenAt }, reason)
}

/** Out of a hold. Time in a freeze window doesn't count against the deadline, nor does time in a pause. */
const thawed = (state: RolloutState, at: number): RolloutState => ({
  ...state,
  hold: null,
  frozenAt: null,
  deadlineAt: deadlineOf(state, at),
})

function settled(state: RolloutState, at: number): Outcome {
  switch (state.phase) {
    case 'promoting':
      return moved({ ...state, phase: 'promoted', endedAt: at }, state.reason)
    case 'finishing':
      return moved({ ...state, phase: 'finished', endedAt: at }, state.reason)
    case 'rolling-back':
      return moved({ ...state, phase: state.ending, endedAt: at }, state.reason)
    case 'pending':
    case 'shadow':
    case 'preview':
    case 'canary':
    case 'ab-test':
    case 'bandit':
    case 'baking':
    case 'holding':
    case 'paused':
    case 'promoted':
    case 'finished':
    case 'rolled-back':
    case 'aborted':
      return UNCHANGED
  }
}

function human(
  state: RolloutState,
  event: { action: HumanAction; at: number; note: string },
  plan: Plan
): Outcome {
  const because = event.note === '' ? '' : `: ${event.note}`
  if (isEnding(state.phase) && !(state.phase === 'promoting' && event.action === 'abort'))
    return refused(`it is ${state.phase}`)
  switch (event.action) {
    case 'pause':
      if (state.phase === 'paused') return refused('it is paused already')
      if (state.phase === 'pending') return refused('the new variant is still being loaded')
      return moved(
        { ...thawed(state, event.at), phase: 'paused', pausedAt: event.at },
        `Paused by a person${because}`
      )
    case 'resume':
      return resume(state, event.at, { plan, because })
    case 'promote':
      if (state.phase === 'pending') return refused('the new variant is still being loaded')
      if (plan.onPass === 'finish') return refused('a shadow study moves no traffic')
      return moved(
        { ...state, phase: 'promoting', step: plan.stages.length - 1, hold: null },
        `Promoted by a person${because}`
      )
    case 'abort':
      return moved(
        { ...state, phase: 'rolling-back', ending: 'aborted', hold: null },
        `Aborted by a person${because}`
      )
    case 'approve':
      if (state.approvedSteps.includes(state.step)) return refused('this step is approved already')
      if (state.phase === 'pending') return refused('the new variant is still being loaded')
      if (!stageAt(plan, state.step).needsApproval) return refused('this step needs no approval')
      return moved(
        { ...state, approvedSteps: [...state.approvedSteps, state.step] },
        `Approved by a person${because}`
      )
  }
}

function resume(
  state: RolloutState,
  at: number,
  context: { plan: Plan; because: string }
): Outcome {
  const phase = stageAt(context.plan, state.step).kind
  if (state.phase === 'paused') {
    // Time in a pause doesn't count against the deadline.
    const pausedMs = Math.max(0, at - (state.pausedAt ?? at))
    return moved(
      { ...state, phase, hold: null, pausedAt: null, deadlineAt: state.deadlineAt + pausedMs },
      `Resumed by a person${context.because}`
    )
  }
  if (state.phase === 'holding' && state.hold === 'deadline') {
    return moved(
      { ...state, phase, hold: null, deadlineAt: at + state.deadlineMs },
      `Resumed by a person${context.because}`
    )
  }
  return refused('it is neither paused nor frozen')
}

/** An instant return is possible while the old variants are warm; everything else is over. */
function afterTheEnd(state: RolloutState, event: RolloutEvent): Outcome {
  if (event.kind === 'alerted' && event.ending === 'rolled-back' && state.phase === 'promoted')
    return moved(
      { ...state, phase: 'rolling-back', ending: 'rolled-back', endedAt: null },
      event.reason
    )
  if (event.kind !== 'human') return UNCHANGED
  if (event.action !== 'abort' || state.phase !== 'promoted') return refused(`it is ${state.phase}`)
  return moved(
    { ...state, phase: 'rolling-back', ending: 'rolled-back', endedAt: null },
    `Taken back by a person${event.note === '' ? '' : `: ${event.note}`}`
  )
}

const enter = (state: RolloutState, plan: Plan, step: number): RolloutState => ({
  ...state,
  phase: stageAt(plan, step).kind,
  step,
  appliedAt: null,
  hold: null,
  share: null,
})

const back = (state: RolloutState, reason: string): Outcome =>
  moved({ ...state, phase: 'rolling-back', ending: 'rolled-back', hold: null }, reason)

const isGoingBack = (state: RolloutState): boolean =>
  state.phase === 'rolling-back' || state.phase === 'finishing'

const isStage = (state: RolloutState): boolean =>
  state.phase === 'shadow' ||
  state.phase === 'preview' ||
  state.phase === 'canary' ||
  state.phase === 'ab-test' ||
  state.phase === 'bandit' ||
  state.phase === 'baking'

const UNCHANGED: Outcome = { kind: 'unchanged' }
const refused = (because: string): Outcome => ({ kind: 'refused', because })
const moved = (state: RolloutState, reason: string): Outcome => ({
  kind: 'moved',
  state: { ...state, reason },
})
