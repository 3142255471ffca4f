import type { Topic } from '../../platform/events/topic.ts'
import type { InferenceCompleted } from '../serving/index.ts'

/** What the breaker watches: one candidate beside its baseline on one endpoint. */
export type Watched = Readonly<{
  rolloutId: string
  endpointId: string
  candidate: string
  baseline: string
  /** A new stretch (stage) starts the counts anew. */
  stretch: string
}>

/**
 * Stops gross failure without waiting for a look: it listens to every finished request and trips when half of the newest 100 requests of the candidate
 * failed, counting a window that is not full as if the rest had succeeded (so 50 failures are needed). It does not trip while a quarter of
 * the baseline's requests fail too: that is the environment, and which of the two is worse is a question for the gates.
 */
export interface Breaker {
  watch(rollout: Watched): void
  unwatch(rolloutId: string): void
  isEnvironmentFailing(rolloutId: string): boolean
  stop(): void
}

const WINDOW = 100
const TRIPS_AT = 50
const FEWEST_OF_BASELINE = 20
const BASELINE_FAILS_AT = 0.25

export function createBreaker(deps: {
  completed: Topic<InferenceCompleted>
  onTrip: (rolloutId: string, reason: string) => void
}): Breaker {
  const byEndpoint = new Map<string, Watch[]>()

  const find = (rolloutId: string): Watch | undefined =>
    [...byEndpoint.values()].flat().find((w) => w.rollout.rolloutId === rolloutId)

  const unwatch = (rolloutId: string): void => {
    for (const [endpointId, watches] of byEndpoint) {
      const rest = watches.filter((w) => w.rollout.rolloutId !== rolloutId)
      if (rest.length === 0) byEndpoint.delete(endpointId)
      else byEndpoint.set(endpointId, rest)
    }
  }

  const listen = (event: InferenceCompleted): void => {
    const watches = byEndpoint.get(event.endpointId)
    if (watches === undefined) return
    const outcome = outcomeOf(event)
    if (outcome === null) return
    for (const watch of watches) {
      if (event.variant === watch.rollout.baseline && event.role === 'live')
        watch.baseline.add(outcome)
      if (event.variant !== watch.rollout.candidate) continue
      watch.candidate.add(outcome)
      if (watch.hasTripped || watch.candidate.failures() < TRIPS_AT || isFailing(watch.baseline))
        continue
      watch.hasTripped = true
      deps.onTrip(
        watch.rollout.rolloutId,
        `${watch.candidate.failures()} of the newest ${watch.candidate.count()} requests of the new variant failed; of the old one ${watch.baseline.failures()} of ${watch.baseline.count()}`
      )
    }
  }
  const leave = deps.completed.subscribe(listen)

  return {
    watch(rollout) {
      const known = find(rollout.rolloutId)
      if (known?.rollout.stretch === rollout.stretch) return
      unwatch(rollout.rolloutId)
      const watches = byEndpoint.get(rollout.endpointId) ?? []
      byEndpoint.set(rollout.endpointId, [
        ...watches,
        { rollout, candidate: createWindow(), baseline: createWindow(), hasTripped: false },
      ])
    },
    unwatch,
    isEnvironmentFailing(rolloutId) {
      const watch = find(rolloutId)
      return (
        watch !== undefined && isFailing(watch.baseline) && watch.candidate.failures() >= TRIPS_AT
      )
    },
    stop() {
      leave()
      byEndpoint.clear()
    },
  }
}

type Watch = { rollout: Watched; candidate: Window; baseline: Window; hasTripped: boolean }
type Window = { add(failed: boolean): void; failures(): number; count(): number }

/** The newest outcomes, in a ring. */
function createWindow(): Window {
  const ring = new Uint8Array(WINDOW)
  let next = 0
  let count = 0
  let failures = 0
  return {
    add(failed) {
      const value = failed ? 1 : 0
      failures += value - (ring[next] ?? 0)
      ring[next] = value
      next = (next + 1) % WINDOW
      count = Math.min(WINDOW, count + 1)
    },
    failures: () => failures,
    count: () => count,
  }
}

const isFailing = (window: Window): boolean =>
  window.count() >= FEWEST_OF_BASELINE && window.failures() >= BASELINE_FAILS_AT * window.count()

/** True for a failure of the model or its queue, null for a request that was refused for its own faults. */
function outcomeOf(event: InferenceCompleted): boolean | null {
  switch (event.status) {
    case 'ok':
      return false
    case 'error':
    case 'timeout':
      return true
    case 'rejected':
      return event.errorCode !== null && event.errorCode.startsWith('serving.') ? true : null
  }
}
