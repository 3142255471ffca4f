import { ddSketchFromJSON, type DdSketchState } from '@trestle/stats'
import type { Distribution } from './ports.ts'

/** A sketch laid out once as ascending values with running counts: gates ask it hundreds of questions per look. Null for an empty one. */
export function distributionOf(state: DdSketchState | null): Distribution | null {
  if (state === null) return null
  const sketch = ddSketchFromJSON(state)
  const count = sketch.count()
  if (count === 0) return null
  const sizes = [
    state.negativeInfinite,
    ...state.negative.toReversed().map(([, times]) => times),
    state.zeros,
    ...state.positive.map(([, times]) => times),
    state.positiveInfinite,
  ].filter((size) => size > 0)
  const values: number[] = []
  const upTo: number[] = []
  let below = 0
  for (const size of sizes) {
    // Every value of a bucket is the same to the sketch: ask for the one in its middle.
    values.push(
      sketch.quantile(count === 1 ? 0 : Math.min(1, (below + (size - 1) / 2) / (count - 1)))
    )
    below += size
    upTo.push(below)
  }
  const firstWhere = (isTrue: (i: number) => boolean): number => {
    let low = 0
    let high = values.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (isTrue(middle)) high = middle
      else low = middle + 1
    }
    return low
  }
  return {
    count,
    quantile(q) {
      const rank = q * (count - 1)
      const at = firstWhere((i) => (upTo[i] ?? count) > rank)
      return values[Math.min(at, values.length - 1)] ?? NaN
    },
    shareBelow(x) {
      const next = firstWhere((i) => (values[i] ?? Infinity) > x)
      return next === 0 ? 0 : (upTo[next - 1] ?? 0) / count
    },
  }
}
