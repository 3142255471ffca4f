import type { Detector, Signal } from './detector.ts'

export type HddmAOptions = {
  readonly driftConfidence?: number
  readonly warningConfidence?: number
  /** Also watch for a fall of the mean. */
  readonly twoSided?: boolean
}

type Average = { readonly count: number; readonly mean: number }

export type HddmAState = {
  readonly version: 1
  readonly all: Average
  readonly lowest: Average
  readonly highest: Average
}

const NONE: Average = { count: 0, mean: 0 }
const FRESH: HddmAState = { version: 1, all: NONE, lowest: NONE, highest: NONE }

/**
 * Hoeffding drift detection on averages (Frias-Blanco and others, IEEE TKDE 27(3), 2014), for values in [0, 1]: 1
 * is an error. Compares the whole average with that up to the cut where it was lowest (or highest).
 */
export function createHddmA(
  options: HddmAOptions = {},
  from: HddmAState = FRESH
): Detector<HddmAState> {
  const { driftConfidence = 0.001, warningConfidence = 0.005, twoSided = false } = options
  let state = from
  const bound = (count: number) => Math.sqrt(Math.log(1 / driftConfidence) / (2 * count))
  return {
    update(value) {
      if (Number.isNaN(value)) return 'none'
      const count = state.all.count + 1
      const all = { count, mean: state.all.mean + (value - state.all.mean) / count }
      const top = all.mean + bound(count)
      const bottom = all.mean - bound(count)
      const { lowest: low, highest: high } = state
      const lowest = low.count === 0 || low.mean + bound(low.count) >= top ? all : low
      const highest = high.count === 0 || high.mean - bound(high.count) <= bottom ? all : high
      const rise = judge(all, lowest, all.mean - lowest.mean)
      const fall = twoSided ? judge(all, highest, highest.mean - all.mean) : 'none'
      const signal: Signal =
        rise === 'drift' || fall === 'drift'
          ? 'drift'
          : rise === 'warning' || fall === 'warning'
            ? 'warning'
            : 'none'
      state = signal === 'drift' ? FRESH : { version: 1, all, lowest, highest }
      return signal
    },
    toJSON: () => state,
  }

  function judge(all: Average, cut: Average, gap: number): Signal {
    if (cut.count === all.count) return 'none'
    const spread = (all.count - cut.count) / (cut.count * all.count)
    const exceeds = (confidence: number) =>
      gap >= Math.sqrt((spread / 2) * Math.log(2 / confidence))
    return exceeds(driftConfidence) ? 'drift' : exceeds(warningConfidence) ? 'warning' : 'none'
  }
}
