import type { Detector } from './detector.ts'

export type DdmOptions = {
  readonly warmUp?: number
  /** Standard deviations over the best level seen. */
  readonly warningLevel?: number
  readonly driftLevel?: number
}

export type DdmState = {
  readonly version: 1
  readonly count: number
  readonly rate: number
  /** Rate and deviation where their sum was lowest; null before the warm-up ends. */
  readonly best: { readonly rate: number; readonly deviation: number } | null
}

const FRESH: DdmState = { version: 1, count: 0, rate: 0, best: null }

/** Drift detection method for 0/1 errors (Gama and others, SBIA 2004). */
export function createDdm(options: DdmOptions = {}, from: DdmState = FRESH): Detector<DdmState> {
  const { warmUp = 30, warningLevel = 2, driftLevel = 3 } = options
  let state = from
  return {
    update(value) {
      if (Number.isNaN(value)) return 'none'
      const count = state.count + 1
      const rate = state.rate + (value - state.rate) / count
      const deviation = Math.sqrt(Math.max(0, rate * (1 - rate)) / count)
      if (count <= warmUp) {
        state = { version: 1, count, rate, best: null }
        return 'none'
      }
      const level = rate + deviation
      const best =
        state.best === null || level <= state.best.rate + state.best.deviation
          ? { rate, deviation }
          : state.best
      state = { version: 1, count, rate, best }
      if (level > best.rate + driftLevel * best.deviation) {
        state = FRESH
        return 'drift'
      }
      return level > best.rate + warningLevel * best.deviation ? 'warning' : 'none'
    },
    toJSON: () => state,
  }
}
