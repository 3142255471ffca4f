import type { Clock } from '../../kernel/clock.ts'

/**
 * Instants in microseconds that never repeat: the clock's, or one after the last. What is pushed after a read, in the same millisecond, is so known
 * after it, and whoever joins at the read's instant later gets what the read gave.
 */
export function createInstants(clock: Clock): { nextUs: () => number } {
  let last = 0
  return {
    nextUs: () => {
      last = Math.max(clock.now() * 1000, last + 1)
      return last
    },
  }
}
