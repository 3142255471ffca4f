import { setTimeout as delay } from 'node:timers/promises'
import { fail } from '../../platform/errors.ts'

/** The memory that models may fill together, counted by the size of their files. */
export interface ModelRoom {
  /** Resolves when there is room for a model; call the result once, when its memory is free again. Throws `serving.model_load_failed`. */
  take(bytes: number): Promise<() => void>
  readonly usedBytes: number
}

const LOOK_EVERY_MS = 50
const WAIT_AT_MOST_MS = 60_000

/**
 * A model that does not fit makes others go: `evict` frees the one that was idle longest and resolves to false when there is none to free now.
 * A model larger than the whole room gets it alone.
 */
export function createModelRoom(
  limitBytes: number | null,
  evict: () => Promise<boolean>
): ModelRoom {
  let usedBytes = 0
  // One after the other, so that two models don't both take the place that one left.
  let last: Promise<unknown> = Promise.resolve()

  const makePlace = async (bytes: number): Promise<void> => {
    if (limitBytes === null) return
    const waitUntil = performance.now() + WAIT_AT_MOST_MS
    while (usedBytes > 0 && usedBytes + bytes > limitBytes) {
      if (await evict()) continue
      if (performance.now() > waitUntil)
        throw fail(
          'serving.model_load_failed',
          `The model needs ${bytes} bytes, and models in use hold ${usedBytes} of ${limitBytes} (TRESTLE_MODEL_MEMORY_BYTES)`
        )
      await delay(LOOK_EVERY_MS)
    }
  }

  return {
    take(bytes) {
      const taken = last.then(async () => {
        await makePlace(bytes)
        usedBytes += bytes
        let isHeld = true
        return () => {
          if (isHeld) usedBytes -= bytes
          isHeld = false
        }
      })
      last = taken.catch(() => undefined)
      return taken
    },
    get usedBytes() {
      return usedBytes
    },
  }
}
