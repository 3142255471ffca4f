import { requireOption } from '../outcome.ts'
import type { Detector } from './detector.ts'

export type AdwinOptions = {
  /** Bound on the false-alarm probability of one comparison. */
  readonly delta?: number
  /** Look for a cut every so many values. */
  readonly clock?: number
  readonly maxBuckets?: number
  readonly minWindow?: number
  readonly gracePeriod?: number
  /** 'restart' empties the window on drift: one signal a change. 'shrink' keeps its recent part, as in the paper. */
  readonly afterDrift?: 'restart' | 'shrink'
}

type Bucket = { readonly total: number; readonly squares: number }

/** rows[r] holds buckets of 2^r values each, oldest first; higher rows are older. */
export type AdwinState = {
  readonly version: 1
  readonly tick: number
  readonly width: number
  readonly total: number
  readonly squares: number
  readonly rows: readonly (readonly Bucket[])[]
}

export type Adwin = Detector<AdwinState> & {
  /** Mean of the window that the detector believes is stationary; NaN while empty. */
  mean(): number
  width(): number
}

/**
 * Adaptive windowing (Bifet and Gavalda 2007): keeps the longest window whose parts agree in mean. The window lives in
 * an exponential histogram (Babcock and others 2003), so memory is logarithmic. Works on any bounded metric;
 * non-finite values are ignored.
 */
export function createAdwin(options: AdwinOptions = {}, from?: AdwinState): Adwin {
  const {
    delta = 0.002,
    clock = 32,
    maxBuckets = 5,
    minWindow = 5,
    gracePeriod = 10,
    afterDrift = 'restart',
  } = options
  requireOption(delta > 0 && delta < 1, 'delta must lie in (0, 1)')
  let { tick, width, total, squares } = from ?? { tick: 0, width: 0, total: 0, squares: 0 }
  let rows: Bucket[][] = from ? from.rows.map((row) => [...row]) : [[]]

  const insert = (value: number) => {
    if (width > 0) squares += (width * (value - total / width) ** 2) / (width + 1)
    width++
    total += value
    rows[0]!.push({ total: value, squares: 0 })
    for (let r = 0; rows[r]!.length > maxBuckets; r++) {
      const older = rows[r]!.shift()!
      const newer = rows[r]!.shift()!
      const joined = older.squares + newer.squares + (older.total - newer.total) ** 2 / 2 ** (r + 1)
      if (rows.length === r + 1) rows.push([])
      rows[r + 1]!.push({ total: older.total + newer.total, squares: joined })
    }
  }
  const dropOldest = () => {
    const size = 2 ** (rows.length - 1)
    const oldest = rows.at(-1)!.shift()!
    width -= size
    total -= oldest.total
    squares -=
      oldest.squares + (size * width * (oldest.total / size - total / width) ** 2) / (size + width)
    while (rows.length > 1 && rows.at(-1)!.length === 0) rows.pop()
  }
  const hasCut = (): boolean => {
    let oldCount = 0
    let oldTotal = 0
    const confidence = Math.log((2 * Math.log(width)) / delta)
    for (let r = rows.length - 1; r >= 0; r--) {
      // The newest bucket of a row is no cut point, as in river: its pinned detection index depends on it.
      for (const bucket of rows[r]!.slice(0, -1)) {
        oldCount += 2 ** r
        oldTotal += bucket.total
        const newCount = width - oldCount
        if (oldCount < minWindow || newCount < minWindow) continue
        const gap = Math.abs(oldTotal / oldCount - (total - oldTotal) / newCount)
        const inverse = 1 / (oldCount - minWindow + 1) + 1 / (newCount - minWindow + 1)
        const bound =
          Math.sqrt(2 * inverse * (squares / width) * confidence) + (2 / 3) * confidence * inverse
        if (gap > bound) return true
      }
    }
    return false
  }
  return {
    update(value) {
      if (!Number.isFinite(value)) return 'none'
      insert(value)
      tick++
      if (tick % clock !== 0 || width <= gracePeriod) return 'none'
      let drifted = false
      while (width > 1 && hasCut()) {
        drifted = true
        dropOldest()
      }
      if (!drifted) return 'none'
      if (afterDrift === 'restart') {
        ;[tick, width, total, squares] = [0, 0, 0, 0]
        rows = [[]]
      }
      return 'drift'
    },
    mean: () => (width === 0 ? NaN : total / width),
    width: () => width,
    toJSON: () => ({ version: 1, tick, width, total, squares, rows: rows.map((row) => [...row]) }),
  }
}
