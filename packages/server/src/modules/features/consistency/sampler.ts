import type { Clock } from '../../../kernel/clock.ts'
import type { Read } from '../selection.ts'
import type { Value } from '../value.ts'

/** One view's values of one entity as they were served. */
export type Served = Readonly<{
  read: Read
  keys: readonly Value[]
  at: number
  values: readonly Value[]
  eventUs: number | null
}>

const MINUTE_MS = 60_000
const MAX_BUFFERED = 5_000

/**
 * Which reads are kept for checking: those of some keys, all reads of each, so that a key's history can be followed. The share of keys is found by
 * itself: all of them while few are read, fewer the more there are, within `rowsPerMinute`.
 */
export function createSampler(deps: { clock: Clock; rowsPerMinute: number }) {
  let threshold = 2 ** 32
  let minute = 0
  let taken = 0
  let dropped = 0
  let buffer: Served[] = []

  const turnMinute = (now: number): void => {
    const current = Math.floor(now / MINUTE_MS)
    if (current === minute) return
    minute = current
    if (taken >= deps.rowsPerMinute) threshold /= 2
    else if (taken < deps.rowsPerMinute / 4) threshold = Math.min(2 ** 32, threshold * 2)
    taken = 0
  }

  return {
    /** Whether reads of this key are kept now. Costs a hash of the key. */
    takes(key: string, now: number): boolean {
      if (deps.rowsPerMinute === 0) return false
      turnMinute(now)
      return taken < deps.rowsPerMinute && hash(key) < threshold
    },
    keep(served: Served): void {
      taken += 1
      if (buffer.length < MAX_BUFFERED) buffer.push(served)
      else dropped += 1
    },
    /** Hands over what was kept since. */
    drain(): Served[] {
      const drained = buffer
      buffer = []
      return drained
    },
    dropped: (): number => dropped,
    drop: (count: number): void => void (dropped += count),
  }
}
export type Sampler = ReturnType<typeof createSampler>

/** 32-bit FNV-1a over code units, with MurmurHash3's finaliser. */
function hash(key: string): number {
  let h = 0x811c9dc5
  for (let i = 0; i < key.length; i++) h = Math.imul(h ^ key.charCodeAt(i), 0x01000193)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
