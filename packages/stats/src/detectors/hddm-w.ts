import type { Detector, Signal } from './detector.ts'

export type HddmWOptions = {
  readonly driftConfidence?: number
  readonly warningConfidence?: number
  /** Weight of the newest value. */
  readonly lambda?: number
  readonly twoSided?: boolean
}

/** An exponentially weighted mean and the sum of squared weights that bounds it; null mean while empty. */
type Weighted = { readonly mean: number | null; readonly weight: number }

/** The weighted mean up to the best cut so far, and that since. */
type Split = { readonly cut: number | null; readonly before: Weighted; readonly after: Weighted }

export type HddmWState = {
  readonly version: 1
  readonly all: Weighted
  readonly low: Split
  readonly high: Split
}

const EMPTY: Weighted = { mean: null, weight: 1 }
const UNCUT: Split = { cut: null, before: EMPTY, after: EMPTY }
const FRESH: HddmWState = { version: 1, all: EMPTY, low: UNCUT, high: UNCUT }

/**
 * Hoeffding drift detection on exponentially weighted averages with McDiarmid's bound (Frias-Blanco and others, IEEE
 * TKDE 27(3), 2014): quicker than HDDM_A on sudden drift. For values in [0, 1]; 1 is an error.
 */
export function createHddmW(
  options: HddmWOptions = {},
  from: HddmWState = FRESH
): Detector<HddmWState> {
  const {
    driftConfidence = 0.001,
    warningConfidence = 0.005,
    lambda = 0.05,
    twoSided = false,
  } = options
  let state = from
  const bound = (weight: number, confidence: number) =>
    Math.sqrt((weight * Math.log(1 / confidence)) / 2)
  const add = (to: Weighted, value: number): Weighted => ({
    mean: to.mean === null ? value : to.mean + lambda * (value - to.mean),
    weight: lambda ** 2 + (1 - lambda) ** 2 * to.weight,
  })
  /** `sign` 1 follows the lowest upper bound (a later rise shows), -1 the highest lower bound. */
  const follow = (split: Split, all: Weighted, value: number, sign: 1 | -1): Split => {
    const edge = sign * (all.mean ?? 0) + bound(all.weight, driftConfidence)
    return split.cut === null || edge < split.cut
      ? { cut: edge, before: all, after: EMPTY }
      : { ...split, after: add(split.after, value) }
  }
  const judge = (split: Split, sign: 1 | -1): Signal => {
    if (split.before.mean === null || split.after.mean === null) return 'none'
    const gap = sign * (split.after.mean - split.before.mean)
    const weight = split.before.weight + split.after.weight
    return gap > bound(weight, driftConfidence)
      ? 'drift'
      : gap > bound(weight, warningConfidence)
        ? 'warning'
        : 'none'
  }
  return {
    update(value) {
      if (Number.isNaN(value)) return 'none'
      const all = add(state.all, value)
      const low = follow(state.low, all, value, 1)
      const high = follow(state.high, all, value, -1)
      const signals = [judge(low, 1), twoSided ? judge(high, -1) : 'none']
      const signal = signals.includes('drift')
        ? 'drift'
        : signals.includes('warning')
          ? 'warning'
          : 'none'
      state = signal === 'drift' ? FRESH : { version: 1, all, low, high }
      return signal
    },
    toJSON: () => state,
  }
}
