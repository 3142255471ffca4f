import { setTimeout as delay } from 'node:timers/promises'

const POLL_MS = 200
const PATIENCE_MS = 30_000

/** Asks again and again until the answer is the awaited one; throws with `what` when it does not come. */
export async function until<T>(
  ask: () => Promise<T>,
  isAwaited: (answer: T) => boolean,
  what: string
): Promise<T> {
  for (let waitedMs = 0; waitedMs < PATIENCE_MS; waitedMs += POLL_MS) {
    const answer = await ask()
    if (isAwaited(answer)) return answer
    await delay(POLL_MS)
  }
  throw new Error(`Waited ${PATIENCE_MS / 1_000} s in vain for ${what}`)
}
