import type { GateVerdict } from '@trestle/contract'
import type { Topic } from '../../platform/events/topic.ts'
import { weightsOf } from './goal.ts'
import { goalInputOf, type RolloutRecord } from './record.ts'
import type { RolloutEvent, RolloutState } from './state.ts'
import type { Fence, RolloutStore } from './store.ts'
import { transition } from './transition.ts'

/** A step in the life of a rollout, for whoever alerts or calls a webhook. */
export type RolloutChanged = Readonly<{
  rolloutId: string
  project: string
  endpoint: string
  endpointId: string
  /** The new variant, and its share of the live requests in percent. */
  candidate: string
  weight: number
  /** Whether it has come to another step, the first one included. */
  isStep: boolean
  event: string
  from: RolloutState['phase']
  to: RolloutState['phase']
  hold: RolloutState['hold']
  reason: string
  actor: string
  at: number
}>

export const CONTROLLER = 'rollout-controller'

export type Recorded =
  | { kind: 'moved'; rollout: RolloutRecord }
  | { kind: 'unchanged' }
  | { kind: 'refused'; because: string }
  | { kind: 'lost' }

export type Recorder = (
  id: string,
  event: RolloutEvent,
  by: { actor: string; fence: Fence | null; verdicts?: readonly GateVerdict[] }
) => Promise<Recorded>

const ATTEMPTS = 5

/**
 * Takes an event to the state machine and writes what came of it, evidence included, before anyone acts on it. A writer that lost a race reads again;
 * one whose fence is broken is `lost` and must not act.
 */
export function createRecorder(deps: {
  store: RolloutStore
  changed: Topic<RolloutChanged>
}): Recorder {
  return async (id, event, { actor, fence, verdicts = [] }) => {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const rollout = await deps.store.find(id)
      if (rollout === null) return { kind: 'lost' }
      const outcome = transition(rollout.state, event, rollout.spec.plan)
      if (outcome.kind !== 'moved') return outcome
      const next = outcome.state
      const moved: RolloutRecord = { ...rollout, state: next, version: rollout.version + 1 }
      const retireAt = retireAtOf(rollout, next)
      const isWritten = await deps.store.commit({
        rollout,
        next,
        retireAt,
        fence,
        transition: {
          at: event.at,
          actor,
          event: nameOf(event),
          from: rollout.state.phase,
          to: next.phase,
          step: next.step,
          reason: next.reason,
          weights: weightsOf(goalInputOf(moved)),
          verdicts,
        },
      })
      if (!isWritten) continue
      deps.changed.publish({
        rolloutId: id,
        project: rollout.project,
        endpoint: rollout.endpoint,
        endpointId: rollout.endpointId,
        candidate: rollout.spec.candidate,
        isStep: next.step !== rollout.state.step || rollout.state.phase === 'pending',
        weight: weightsOf(goalInputOf(moved)).candidatePercent,
        event: nameOf(event),
        from: rollout.state.phase,
        to: next.phase,
        hold: next.hold,
        reason: next.reason,
        actor,
        at: event.at,
      })
      return { kind: 'moved', rollout: { ...moved, retireAt } }
    }
    return { kind: 'lost' }
  }
}

export const nameOf = (event: RolloutEvent): string => {
  if (event.kind === 'human') return `human.${event.action}`
  return event.kind === 'looked' ? `looked.${event.decision.kind}` : event.kind
}

const retireAtOf = ({ spec }: RolloutRecord, next: RolloutState): number | null =>
  next.phase === 'promoted' && next.endedAt !== null && spec.keepOldMs !== null
    ? next.endedAt + spec.keepOldMs
    : null
