import type { Clock } from '../../kernel/clock.ts'

/**
 * Keeps calls away from an upstream that fails (Nygard, Release It!, "Circuit Breaker").
 *
 *   closed ──failureThreshold failures in a row──► open ──openForMs──► half-open ──one call succeeds──► closed
 *                                                    ▲                    └──────── it fails ─────────┘
 */
export interface Circuit {
  readonly state: 'closed' | 'open' | 'half-open'
  /** Whether a call may go out now. A half-open circuit lets one through at a time; whoever got `true` must tell how it ended. */
  tryAcquire(): boolean
  succeed(): void
  fail(): void
  /** The call ended with no verdict on the upstream, such as a caller that left: gives the place back. */
  release(): void
  /** Milliseconds until a call may be tried again; 0 while one may. */
  retryAfterMs(): number
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

  return {
    get state() {
      if (openedAt === null) return 'closed'
      return retryAfterMs() > 0 ? 'open' : 'half-open'
    },
    retryAfterMs,
    tryAcquire() {
      if (openedAt === null) return true
      if (retryAfterMs() > 0 || isProbing) return false
      isProbing = true
      return true
    },
    succeed() {
      failures = 0
      openedAt = null
      isProbing = false
    },
    fail() {
      failures++
      // A call that was under way when the circuit opened says nothing new: only a failed probe starts the wait again.
      if (openedAt === null ? failures >= options.failureThreshold : isProbing)
        openedAt = clock.now()
      isProbing = false
    },
    release() {
      isProbing = false
    },
  }
}
