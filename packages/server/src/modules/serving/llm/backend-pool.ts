import type { LlmSpec } from '@trestle/contract'
import type { Clock } from '../../../kernel/clock.ts'
import { createCircuit, type Attempt, type Circuit } from '../../../platform/circuit/circuit.ts'
import type { Backend } from './backend.ts'
import type { ServerLoad } from './server-load.ts'

/** A backend at work: what is under way there, and how it fares. */
export interface BackendSlot {
  readonly backend: Backend
  readonly circuit: Circuit
  readonly inFlight: number
  /** Moving average of the time to the first byte, ms; null before the first answer. */
  readonly firstByteMs: number | null
  /** How busy it is, as it says itself; null when it does not. */
  readonly load: ServerLoad | null
  readonly isHealthy: boolean
  /** Why it is not asked now; null when it may be. */
  readonly trouble: string | null
  readonly counts: Readonly<BackendCounts>
}

export type BackendCounts = {
  calls: number
  failures: number
  throttled: number
  cancelled: number
}

/** A place at a backend, to be given back once, with how it went. */
export interface BackendLease {
  readonly slot: BackendSlot
  firstByte(afterMs: number): void
  /** `throttled`: it asked to be left alone for so long. `neutral` says nothing of its health. */
  done(
    how: { kind: 'ok' | 'failed' | 'neutral' } | { kind: 'throttled'; retryAfterMs: number }
  ): void
}

/** The backends of one variant, and the choice among them. */
export interface BackendPool {
  readonly slots: readonly BackendSlot[]
  /** The best backend that is well and not in `tried`; null when there is none. */
  acquire(
    tried: ReadonlySet<BackendSlot>,
    options?: { moreContextThan?: number }
  ): BackendLease | null
  /** Milliseconds until one may be tried again. */
  retryAfterMs(): number
  report(name: string, seen: { isHealthy?: boolean; load?: ServerLoad | null }): void
}

const FAILURES_TO_OPEN = 5
const OPEN_FOR_MS = 15_000
/** Weight of the newest answer in the moving average. */
const SMOOTHING = 0.2
/** From here on a call more would push another one out of the cache of the server. */
const KV_CACHE_FULL = 0.95

type Slot = {
  backend: Backend
  circuit: Circuit
  inFlight: number
  firstByteMs: number | null
  load: ServerLoad | null
  /** Calls there that are not ours, when it last told. */
  others: number
  isHealthy: boolean
  throttledUntil: number
  /** Of smooth weighted round robin. */
  current: number
  counts: BackendCounts
  readonly trouble: string | null
}

export function createBackendPool(deps: {
  backends: readonly Backend[]
  routing: LlmSpec['routing']
  clock: Clock
  /** Dollars that a usual call costs at a backend; null when it has no price. */
  costOf: (backend: Backend) => number | null
}): BackendPool {
  const { clock } = deps
  const slots = deps.backends.map((backend): Slot => {
    const circuit = createCircuit({
      clock,
      failureThreshold: FAILURES_TO_OPEN,
      openForMs: OPEN_FOR_MS,
    })
    return {
      backend,
      circuit,
      inFlight: 0,
      firstByteMs: null,
      load: null,
      others: 0,
      isHealthy: true,
      throttledUntil: 0,
      current: 0,
      counts: { calls: 0, failures: 0, throttled: 0, cancelled: 0 },
      get trouble() {
        if (!this.isHealthy) return 'its health check fails'
        if (this.throttledUntil > clock.now()) return 'it asked for fewer calls'
        return circuit.state === 'open' ? 'it failed several times in a row' : null
      },
    }
  })

  const order = (candidates: readonly Slot[]): readonly Slot[] => {
    switch (deps.routing) {
      case 'priority':
        return candidates
      case 'weighted':
        return byWeight(candidates)
      case 'least-busy':
        return by(candidates, (slot) =>
          (slot.load?.kvCacheUse ?? 0) >= KV_CACHE_FULL
            ? Infinity
            : (slot.inFlight + slot.others) / slot.backend.weight
        )
      case 'latency':
        // Peak EWMA (Finagle): what waits there already makes the next wait longer. An unknown one is tried first, by one call at once and not by all.
        return by(candidates, (slot) => (slot.firstByteMs ?? 1) * (slot.inFlight + 1))
      case 'cost':
        return by(candidates, (slot) => deps.costOf(slot.backend) ?? Infinity)
    }
  }

  const lease = (slot: Slot, attempt: Attempt): BackendLease => {
    slot.inFlight++
    slot.counts.calls++
    let isHeld = true
    return {
      slot,
      firstByte(afterMs) {
        slot.firstByteMs =
          slot.firstByteMs === null
            ? afterMs
            : slot.firstByteMs + SMOOTHING * (afterMs - slot.firstByteMs)
      },
      done(how) {
        if (!isHeld) return
        isHeld = false
        slot.inFlight--
        switch (how.kind) {
          case 'ok':
            attempt.succeed()
            return
          case 'failed':
            slot.counts.failures++
            attempt.fail()
            return
          case 'throttled':
            slot.counts.throttled++
            slot.throttledUntil = clock.now() + how.retryAfterMs
            attempt.release()
            return
          case 'neutral':
            slot.counts.cancelled++
            attempt.release()
        }
      },
    }
  }

  return {
    slots,
    acquire(tried, options = {}) {
      const context = options.moreContextThan
      const left = slots.filter(
        (slot) =>
          !tried.has(slot) &&
          (context === undefined || (slot.backend.contextTokens ?? Infinity) > context)
      )
      const well = left.filter((slot) => slot.trouble === null)
      for (const slot of order(well)) {
        const attempt = slot.circuit.tryAcquire()
        if (attempt !== null) return lease(slot, attempt)
      }
      // With nobody well left, one that only its health check speaks against is better than no answer.
      for (const slot of left) {
        if (slot.isHealthy || slot.throttledUntil > clock.now()) continue
        const attempt = slot.circuit.tryAcquire()
        if (attempt !== null) return lease(slot, attempt)
      }
      return null
    },
    retryAfterMs: () =>
      Math.min(
        ...slots.map((slot) =>
          Math.max(slot.circuit.retryAfterMs(), slot.throttledUntil - clock.now(), 0)
        )
      ),
    report(name, seen) {
      const slot = slots.find(({ backend }) => backend.name === name)
      if (slot === undefined) return
      if (seen.isHealthy !== undefined) slot.isHealthy = seen.isHealthy
      if (seen.load === undefined) return
      slot.load = seen.load
      slot.others =
        seen.load === null ? 0 : Math.max(0, seen.load.running + seen.load.waiting - slot.inFlight)
    },
  }
}

/** Smooth weighted round robin (nginx): spreads calls by weight, and evenly in time. */
function byWeight(candidates: readonly Slot[]): readonly Slot[] {
  const total = candidates.reduce((sum, { backend }) => sum + backend.weight, 0)
  for (const slot of candidates) slot.current += slot.backend.weight
  const sorted = candidates.toSorted((a, b) => b.current - a.current)
  const [first] = sorted
  if (first !== undefined) first.current -= total
  return sorted
}

/** Sorted by a number, in the given order where it is the same. */
const by = (slots: readonly Slot[], score: (slot: Slot) => number): readonly Slot[] =>
  slots
    .map((slot) => ({ slot, score: score(slot) }))
    .toSorted((a, b) => (a.score === b.score ? 0 : a.score < b.score ? -1 : 1))
    .map(({ slot }) => slot)
