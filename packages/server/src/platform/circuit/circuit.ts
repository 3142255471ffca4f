import type { Clock } from '../../kernel/clock.ts'

/**
 * Keeps calls away from an upstream that fails (Nygard, Release It!, "Circuit Breaker").
 *
 *   closed ──failureThreshold failures in a row──► open ──openForMs──► half-open ──one call succeeds──► closed
 *                                                    ▲                    └──────── it fails ─────────┘
 */
export interface Circuit {
  readonly state: 'closed' | 'open' | 'half-open'
  /** A call may go out now, and tells how it ended; null while none may. A half-open circuit lets one through at a time, the probe. */
  tryAcquire(): Attempt | null
  /** Milliseconds until a call may be tried again; 0 while one may. */
  retryAfterMs(): number
}

/** One call. While the circuit is not closed only the probe has a word: calls that were under way when it opened say nothing new. */
export interface Attempt {
  succeed(): void
  fail(): void
  /** It ended with no verdict on the upstream, such as a caller that left: gives the place back. */
  release(): void
}

export function createCircuit(options: {
  clock: Clock
  /** Failures in a row, at least 1. */
  failureThreshold: number
  openForMs: number
}): Circuit {
  const { clock } = options
  let failures = 0
  let openedAt: number | null = null
  let isProbing = false

  const retryAfterMs = (): number =>
    openedAt === null ? 0 : Math.max(0, openedAt + options.openForMs - clock.now())

  const ordinary: Attempt = {
    succeed() {
      if (openedAt === null) failures = 0
    },
    fail() {
      if (openedAt !== null) return
      failures++
      if (failures >= options.failureThreshold) openedAt = clock.now()
    },
    release() {},
  }

  const probe: Attempt = {
    succeed() {
      failures = 0
      openedAt = null
      isProbing = false
    },
    fail() {
      openedAt = clock.now()
      isProbing = false
    },
    release() {
      isProbing = false
    },
  }

  return {
    get state() {
      if (openedAt === null) return 'closed'
      return retryAfterMs() > 0 ? 'open' : 'half-open'
    },
    retryAfterMs,
    tryAcquire() {
      if (openedAt === null) return ordinary
      if (retryAfterMs() > 0 || isProbing) return null
      isProbing = true
      return probe
    },
  }
}
