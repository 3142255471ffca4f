/** How many further tries are left to a variant, so that retries never multiply the load on a backend that is down. */
export interface RetryBudget {
  /** A call came: it earns a share of a retry. */
  earn(): void
  /** Takes one; false when there is none left. */
  spend(): boolean
}

const MAX = 100
const START = 10
/** Retries a call, in the long run (as in Finagle and gRPC retry throttling). */
const SHARE = 0.2

export function createRetryBudget(): RetryBudget {
  let left = START
  return {
    earn() {
      left = Math.min(MAX, left + SHARE)
    },
    spend() {
      if (left < 1) return false
      left--
      return true
    },
  }
}
