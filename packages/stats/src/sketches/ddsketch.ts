import { requireOption } from '../outcome.ts'
import type { Numbers } from '../samples.ts'

/**
 * Quantiles with a bounded relative error, made for latencies: every answer is within `relativeError` of the true
 * value, however long the tail (Masson, Rim and Lee 2019, arXiv 1908.10693). NaN is ignored; +-Infinity are
 * kept as the extremes they are. Merging loses nothing.
 */
export type DdSketch = {
  update(value: number, times?: number): void
  updateMany(values: Numbers): void
  /** Takes in a sketch of the same relative error; throws a RangeError on another one. */
  merge(other: DdSketchState): void
  count(): number
  /** NaN while empty. */
  quantile(q: number): number
  toJSON(): DdSketchState
}

export type DdSketchState = {
  readonly version: 1
  readonly relativeError: number
  readonly zeros: number
  readonly positiveInfinite: number
  readonly negativeInfinite: number
  /** [bucket, count] pairs by ascending bucket, of positive values and of negated negative ones. */
  readonly positive: readonly (readonly [number, number])[]
  readonly negative: readonly (readonly [number, number])[]
}

// At 1 % error 4096 buckets span 35 decades; below that the smallest magnitudes share a bucket.
const MAX_BUCKETS = 4096
// Magnitudes below this count as zero: their logarithm buckets would be all error.
const SMALLEST = 1e-300

export function createDdSketch(relativeError = 0.01): DdSketch {
  requireOption(relativeError > 0 && relativeError < 1, 'relativeError must lie in (0, 1)')
  return open({
    version: 1,
    relativeError,
    zeros: 0,
    positiveInfinite: 0,
    negativeInfinite: 0,
    positive: [],
    negative: [],
  })
}

export function ddSketchFromJSON(state: DdSketchState): DdSketch {
  return open(state)
}

function open(from: DdSketchState): DdSketch {
  const { relativeError } = from
  const gamma = (1 + relativeError) / (1 - relativeError)
  const perLog = 1 / Math.log(gamma)
  let { zeros, positiveInfinite, negativeInfinite } = from
  const positive = new Map(from.positive)
  const negative = new Map(from.negative)
  let finite = zeros + total(positive) + total(negative)

  const add = (store: Map<number, number>, bucket: number, times: number) => {
    store.set(bucket, (store.get(bucket) ?? 0) + times)
    if (store.size > MAX_BUCKETS) collapseSmallest(store)
  }
  const update = (value: number, times = 1) => {
    if (value !== value) return
    if (value === Infinity) positiveInfinite += times
    else if (value === -Infinity) negativeInfinite += times
    else {
      finite += times
      if (value > SMALLEST) add(positive, Math.ceil(Math.log(value) * perLog), times)
      else if (value < -SMALLEST) add(negative, Math.ceil(Math.log(-value) * perLog), times)
      else zeros += times
    }
  }
  const middle = (bucket: number) => (2 * gamma ** bucket) / (gamma + 1)
  const count = () => finite + positiveInfinite + negativeInfinite
  return {
    update,
    updateMany: (values) => {
      for (let i = 0; i < values.length; i++) update(values[i]!)
    },
    merge: (other) => {
      requireOption(
        other.relativeError === relativeError,
        'only sketches of one relative error merge'
      )
      zeros += other.zeros
      positiveInfinite += other.positiveInfinite
      negativeInfinite += other.negativeInfinite
      for (const [bucket, times] of other.positive) add(positive, bucket, times)
      for (const [bucket, times] of other.negative) add(negative, bucket, times)
      finite = zeros + total(positive) + total(negative)
    },
    count,
    quantile: (q) => {
      requireOption(q >= 0 && q <= 1, 'q must lie in [0, 1]')
      if (count() === 0) return NaN
      let left = q * (count() - 1) - negativeInfinite
      if (left < 0) return -Infinity
      for (const [bucket, times] of ascending(negative).reverse()) {
        left -= times
        if (left < 0) return -middle(bucket)
      }
      left -= zeros
      if (left < 0) return 0
      for (const [bucket, times] of ascending(positive)) {
        left -= times
        if (left < 0) return middle(bucket)
      }
      return Infinity
    },
    toJSON: () => ({
      version: 1,
      relativeError,
      zeros,
      positiveInfinite,
      negativeInfinite,
      positive: ascending(positive),
      negative: ascending(negative),
    }),
  }
}

function ascending(store: ReadonlyMap<number, number>): [number, number][] {
  return [...store].sort((a, b) => a[0] - b[0])
}

function total(store: ReadonlyMap<number, number>): number {
  let sum = 0
  for (const times of store.values()) sum += times
  return sum
}

function collapseSmallest(store: Map<number, number>): void {
  const [smallest, next] = ascending(store)
  if (!smallest || !next) return
  store.delete(smallest[0])
  store.set(next[0], next[1] + smallest[1])
}
