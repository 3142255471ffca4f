import type { Clock } from '../../../kernel/clock.ts'
import { messageOf } from '../../../kernel/errors.ts'
import { nextAttemptAt } from './retry.ts'

/** What one try changes of a delivery. */
export type AttemptOutcome = Readonly<{
  state: 'pending' | 'delivered' | 'failed'
  attempts?: number
  next_attempt_at: number | null
  last_error: string | null
  delivered_at?: number
}>

export const RECEIVER_GONE: AttemptOutcome = {
  state: 'failed',
  next_attempt_at: null,
  last_error: 'The receiver was deleted',
}

/** Tries a delivery once; what did not arrive is due again later, until it has failed for good. */
export async function attempt(
  delivery: Readonly<{ attempts: number }>,
  clock: Clock,
  deliver: (now: number) => Promise<void>
): Promise<AttemptOutcome> {
  const now = clock.now()
  const attempts = delivery.attempts + 1
  try {
    await deliver(now)
    return {
      state: 'delivered',
      attempts,
      next_attempt_at: null,
      last_error: null,
      delivered_at: now,
    }
  } catch (error) {
    const next = nextAttemptAt(attempts, now)
    return {
      state: next === null ? 'failed' : 'pending',
      attempts,
      next_attempt_at: next,
      last_error: messageOf(error).slice(0, 500),
    }
  }
}
