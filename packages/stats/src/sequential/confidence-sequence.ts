import { requireOption, undefinedBecause } from '../outcome.ts'
import type { Outcome } from '../outcome.ts'

/**
 * Anytime-valid intervals for means: whatever the moment one looks, and however often, the chance of ever
 * leaving the truth outside is at most alpha (asymptotically in the sample size).
 *
 * Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit theory and asymptotic confidence
 * sequences", arXiv 2103.06476. A one-sided bound at level alpha is the same side of the interval at 2 alpha.
 */

export type MeanSummary = {
  readonly count: number
  readonly mean: number
  readonly variance: number
}

export type SequenceOptions = {
  readonly alpha?: number
  /** Total sample size at which the interval is narrowest; validity does not depend on it. */
  readonly tunedFor?: number
}

export type SequenceOutcome = Outcome<{
  estimate: number
  lower: number
  upper: number
  /** Anytime-valid: the smallest alpha whose interval excludes 0 at this look. */
  pValue: number
}>

export type EffectEstimate = {
  readonly estimate: number
  readonly standardError: number
  readonly count: number
}

/** Interval for an effect of which `estimate` and `standardError` come from `count` values in total. */
export function confidenceSequence(
  effect: EffectEstimate,
  options: SequenceOptions = {}
): SequenceOutcome {
  const alpha = options.alpha ?? 0.05
  const tunedFor = options.tunedFor ?? 5000
  requireOption(alpha > 0 && alpha < 1, 'alpha must lie in (0, 1)')
  requireOption(tunedFor > 0, 'tunedFor must be positive')
  const { estimate, standardError, count } = effect
  if (count < 2) return undefinedBecause('too-few-values')
  if (!Number.isFinite(estimate) || !Number.isFinite(standardError))
    return undefinedBecause('infinite-value')
  if (standardError <= 0) return undefinedBecause('no-variation')
  const rhoSquared = (-2 * Math.log(alpha) + Math.log(-2 * Math.log(alpha) + 1)) / tunedFor
  const grown = count * rhoSquared + 1
  // sqrt(s^2) * sqrt(2 (n rho^2 + 1) / (n rho)^2 * ln(sqrt(n rho^2 + 1) / alpha)) with s^2 = SE^2 n.
  const unit = (standardError ** 2 * 2 * grown) / (count * rhoSquared)
  const half = Math.sqrt(unit * Math.log(Math.sqrt(grown) / alpha))
  const pValue = Math.min(1, Math.sqrt(grown) * Math.exp(-(estimate ** 2) / unit))
  return { kind: 'ok', estimate, lower: estimate - half, upper: estimate + half, pValue }
}

/** Interval for mean(treatment) - mean(control) of two concurrent arms. `variance` is the sample variance. */
export function meanDifferenceSequence(
  control: MeanSummary,
  treatment: MeanSummary,
  options: SequenceOptions = {}
): SequenceOutcome {
  if (control.count === 0 || treatment.count === 0) return undefinedBecause('empty-sample')
  if (control.count < 2 || treatment.count < 2) return undefinedBecause('too-few-values')
  const squaredError = control.variance / control.count + treatment.variance / treatment.count
  return confidenceSequence(
    {
      estimate: treatment.mean - control.mean,
      standardError: Math.sqrt(squaredError),
      count: control.count + treatment.count,
    },
    options
  )
}

/** Interval for (treatment - control) / control, standard error by the delta method. */
export function relativeDifferenceSequence(
  control: MeanSummary,
  treatment: MeanSummary,
  options: SequenceOptions = {}
): SequenceOutcome {
  if (control.count === 0 || treatment.count === 0) return undefinedBecause('empty-sample')
  if (control.count < 2 || treatment.count < 2) return undefinedBecause('too-few-values')
  if (control.mean === 0) return undefinedBecause('zero-expected')
  const ratio = treatment.mean / control.mean
  const squaredError =
    (treatment.variance / treatment.count + (control.variance * ratio ** 2) / control.count) /
    control.mean ** 2
  return confidenceSequence(
    {
      estimate: ratio - 1,
      standardError: Math.sqrt(squaredError),
      count: control.count + treatment.count,
    },
    options
  )
}
