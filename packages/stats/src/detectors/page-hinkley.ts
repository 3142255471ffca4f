import type { Detector } from './detector.ts'

export type PageHinkleyOptions = {
  readonly minSamples?: number
  /** Slack under which a rise is not counted. */
  readonly delta?: number
  readonly threshold?: number
  /** Forgetting factor of the cumulative sum. */
  readonly alpha?: number
}

export type PageHinkleyState = {
  readonly version: 1
  readonly count: number
  readonly mean: number
  readonly sum: number
}

const FRESH: PageHinkleyState = { version: 1, count: 0, mean: 0, sum: 0 }

/** Page-Hinkley test for a rise of the mean (Page 1954). Feed negated values to watch for a fall. */
export function createPageHinkley(
  options: PageHinkleyOptions = {},
  from: PageHinkleyState = FRESH
): Detector<PageHinkleyState> {
  const { minSamples = 30, delta = 0.005, threshold = 50, alpha = 0.9999 } = options
  let state = from
  return {
    update(value) {
      if (!Number.isFinite(value)) return 'none'
      const count = state.count + 1
      const mean = state.mean + (value - state.mean) / count
      const sum = Math.max(0, alpha * state.sum + (value - mean - delta))
      const drifted = count + 1 >= minSamples && sum >= threshold
      state = drifted ? FRESH : { version: 1, count, mean, sum }
      return drifted ? 'drift' : 'none'
    },
    toJSON: () => state,
  }
}
