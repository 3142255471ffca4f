/** Waits between tries: about a day in all, then a delivery has failed. */
const RETRY_AFTER_MS = [
  5_000, 15_000, 60_000, 300_000, 900_000, 3_600_000, 3_600_000, 14_400_000, 43_200_000,
]

/** When to try again after this many attempts; null when it has failed for good. */
export function nextAttemptAt(attempts: number, now: number): number | null {
  const wait = RETRY_AFTER_MS[attempts - 1]
  return wait === undefined ? null : now + wait
}
