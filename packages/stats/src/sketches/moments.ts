import type { Numbers } from '../samples.ts'

/**
 * Count, mean, variance and range of a stream, mergeable (Chan, Golub and LeVeque 1979). NaN counts as
 * missing; +-Infinity is counted apart and stays out of mean, variance and range, so one bad value
 * cannot blank the rest.
 */
export type MomentsState = {
  readonly version: 1
  readonly count: number
  readonly missing: number
  readonly positiveInfinite: number
  readonly negativeInfinite: number
  readonly mean: number
  /** Sum of squared deviations from the mean. */
  readonly squares: number
  /** null while no finite value was seen. */
  readonly min: number | null
  readonly max: number | null
}

export type Moments = {
  update(value: number): void
  updateMany(values: Numbers): void
  merge(other: MomentsState): void
  /** Finite values seen. */
  count(): number
  /** NaN before the first finite value. */
  mean(): number
  /** Sample variance (n - 1); NaN below two finite values. */
  variance(): number
  toJSON(): MomentsState
}

const EMPTY: MomentsState = {
  version: 1,
  count: 0,
  missing: 0,
  positiveInfinite: 0,
  negativeInfinite: 0,
  mean: 0,
  squares: 0,
  min: null,
  max: null,
}

const BLOCK = 4096

export function createMoments(from: MomentsState = EMPTY): Moments {
  let state = from
  const merge = (other: MomentsState) => {
    state = mergeMoments(state, other)
  }
  return {
    update: (value) => merge(summarise([value], 0, 1)),
    updateMany: (values) => {
      for (let start = 0; start < values.length; start += BLOCK)
        merge(summarise(values, start, Math.min(values.length, start + BLOCK)))
    },
    merge,
    count: () => state.count,
    mean: () => (state.count === 0 ? NaN : state.mean),
    variance: () => (state.count < 2 ? NaN : state.squares / (state.count - 1)),
    toJSON: () => state,
  }
}

export function mergeMoments(a: MomentsState, b: MomentsState): MomentsState {
  const count = a.count + b.count
  const gap = b.mean - a.mean
  const share = count === 0 ? 0 : b.count / count
  return {
    version: 1,
    count,
    missing: a.missing + b.missing,
    positiveInfinite: a.positiveInfinite + b.positiveInfinite,
    negativeInfinite: a.negativeInfinite + b.negativeInfinite,
    mean: a.count === 0 ? b.mean : a.mean + gap * share,
    squares: a.squares + b.squares + gap * gap * a.count * share,
    min: a.min === null ? b.min : b.min === null ? a.min : Math.min(a.min, b.min),
    max: a.max === null ? b.max : b.max === null ? a.max : Math.max(a.max, b.max),
  }
}

/** Two passes over one block: cheap while it is in cache, and free of cancellation. */
function summarise(values: Numbers, start: number, end: number): MomentsState {
  let sum = 0
  let count = 0
  let missing = 0
  let positiveInfinite = 0
  let min = Infinity
  let max = -Infinity
  for (let i = start; i < end; i++) {
    const value = values[i]!
    if (value - value === 0) {
      sum += value
      count++
      if (value < min) min = value
      if (value > max) max = value
    } else if (value === Infinity) positiveInfinite++
    else if (value !== -Infinity) missing++
  }
  const negativeInfinite = end - start - count - missing - positiveInfinite
  if (count === 0) return { ...EMPTY, missing, positiveInfinite, negativeInfinite }
  const mean = sum / count
  let squares = 0
  for (let i = start; i < end; i++) {
    const deviation = values[i]! - mean
    if (deviation - deviation === 0) squares += deviation * deviation
  }
  return { version: 1, count, missing, positiveInfinite, negativeInfinite, mean, squares, min, max }
}
