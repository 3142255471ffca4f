import { requireOption, undefinedBecause } from '../outcome.ts'
import type { Outcome } from '../outcome.ts'
import type { EffectEstimate } from './confidence-sequence.ts'

export type MixtureRatioOutcome = Outcome<{
  /** Likelihood ratio of the normal mixture against "no effect"; above 1/alpha rejects at any time. */
  ratio: number
  /** Anytime-valid at this look; keep the smallest over looks. */
  pValue: number
}>

/**
 * Mixture sequential probability ratio test with a N(0, effectScale^2) mixture over the effect (Robbins 1970; Johari,
 * Koomen, Pekelis and Walsh 2017). `effectScale` is the size of effect one expects, in the metric's unit.
 */
export function mixtureRatioTest(effect: EffectEstimate, effectScale: number): MixtureRatioOutcome {
  requireOption(effectScale > 0, 'effectScale must be positive')
  if (!Number.isFinite(effect.estimate) || !Number.isFinite(effect.standardError))
    return undefinedBecause('infinite-value')
  if (effect.standardError <= 0) return undefinedBecause('no-variation')
  const sampling = effect.standardError ** 2
  const mixing = effectScale ** 2
  const log =
    0.5 * Math.log(sampling / (sampling + mixing)) +
    (effect.estimate ** 2 * mixing) / (2 * sampling * (sampling + mixing))
  return { kind: 'ok', ratio: Math.exp(log), pValue: Math.min(1, Math.exp(-log)) }
}
