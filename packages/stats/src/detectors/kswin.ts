import { requireOption } from '../outcome.ts'
import type { Rng } from '../random.ts'
import { shuffle } from '../random.ts'
import { kolmogorovSmirnov } from '../two-sample/kolmogorov-smirnov.ts'
import type { Detector } from './detector.ts'

export type KswinOptions = {
  /** Draws the older sample; the detector keeps no generator of its own. */
  readonly rng: Rng
  readonly alpha?: number
  readonly window?: number
  /** Size of the recent sample, and of the one drawn from the rest of the window. */
  readonly recent?: number
}

export type KswinState = { readonly version: 1; readonly window: readonly number[] }

// A smaller gap is no change worth telling, however significant.
const SMALLEST_GAP = 0.1

/**
 * Kolmogorov-Smirnov windowing (Raab, Heusinger and Schleif 2020): the newest values against a draw from the older ones.
 * Non-finite values are ignored.
 */
export function createKswin(options: KswinOptions, from?: KswinState): Detector<KswinState> {
  const { rng, alpha = 0.005, window = 100, recent = 30 } = options
  requireOption(
    recent >= 2 && window >= 2 * recent,
    'window must hold at least twice the recent values'
  )
  let held = from ? [...from.window] : []
  return {
    update(value) {
      if (!Number.isFinite(value)) return 'none'
      held.push(value)
      if (held.length > window) held.shift()
      if (held.length < window) return 'none'
      const older = held.slice(0, window - recent)
      shuffle(older, rng, recent)
      const outcome = kolmogorovSmirnov(older.slice(0, recent), held.slice(window - recent))
      if (outcome.kind !== 'ok' || outcome.pValue > alpha || outcome.statistic <= SMALLEST_GAP)
        return 'none'
      held = []
      return 'drift'
    },
    toJSON: () => ({ version: 1, window: [...held] }),
  }
}
