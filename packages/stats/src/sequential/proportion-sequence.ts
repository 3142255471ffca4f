import { requireOption, undefinedBecause } from '../outcome.ts'
import { isCount } from '../categorical/contingency.ts'
import { logBeta } from '../special/gamma.ts'
import type { SequenceOutcome } from './confidence-sequence.ts'

/**
 * Exact anytime-valid comparison of two proportions, for rare events such as errors, where a normal approximation
 * undercovers. Each arm bets with a beta mixture against every candidate rate p: the ratio of the mixture's
 * likelihood to p's is a test martingale of mean 1 (Robbins 1970), and so is the product over both arms. Ville's
 * inequality then keeps the true pair inside {product < 1/alpha} at all times; the interval is that set seen along
 * the difference (Turner and Grunwald, "Exact anytime-valid confidence intervals for contingency tables and
 * beyond", arXiv 2203.09785; Lindon and Malek, arXiv 2011.03567). No minimum sample, any allocation.
 */

export type ProportionCounts = { readonly successes: number; readonly trials: number }

export type ProportionSequenceOptions = {
  readonly alpha?: number
  /** Beta prior of the bets: it moves power, never validity. The default favours rare events. */
  readonly prior?: readonly [number, number]
}

/** Interval for rate(treatment) - rate(control). */
export function proportionDifferenceSequence(
  control: ProportionCounts,
  treatment: ProportionCounts,
  options: ProportionSequenceOptions = {}
): SequenceOutcome {
  const alpha = options.alpha ?? 0.05
  const prior = options.prior ?? [0.5, 0.5]
  requireOption(alpha > 0 && alpha < 1, 'alpha must lie in (0, 1)')
  requireOption(prior[0] > 0 && prior[1] > 0, 'prior weights must be positive')
  for (const arm of [control, treatment]) {
    if (!isCount(arm.successes) || !isCount(arm.trials) || arm.successes > arm.trials)
      return undefinedBecause('invalid-count')
    if (arm.trials === 0) return undefinedBecause('empty-sample')
  }
  const bets = [control, treatment].map((arm) => logMarginal(arm, prior))
  /** ln of the product martingale at the pair (p, p + difference) that it disfavours least. */
  const evidence = (difference: number) =>
    bets[0]! + bets[1]! - bestLogLikelihood(control, treatment, difference)
  const estimate = treatment.successes / treatment.trials - control.successes / control.trials
  const bar = -Math.log(alpha)
  return {
    kind: 'ok',
    estimate,
    lower: crossing(evidence, bar, estimate, -1),
    upper: crossing(evidence, bar, estimate, 1),
    pValue: Math.min(1, Math.exp(-evidence(0))),
  }
}

function logMarginal(arm: ProportionCounts, prior: readonly [number, number]): number {
  const failures = arm.trials - arm.successes
  return logBeta(prior[0] + arm.successes, prior[1] + failures) - logBeta(prior[0], prior[1])
}

function logLikelihood(arm: ProportionCounts, p: number): number {
  const failures = arm.trials - arm.successes
  return (
    (arm.successes === 0 ? 0 : arm.successes * Math.log(p)) +
    (failures === 0 ? 0 : failures * Math.log1p(-p))
  )
}

/** max over p of the joint log-likelihood at (p, p + difference): concave in p, so the slope's sign is bisected. */
function bestLogLikelihood(
  control: ProportionCounts,
  treatment: ProportionCounts,
  difference: number
): number {
  let low = Math.max(0, -difference)
  let high = Math.min(1, 1 - difference)
  for (let i = 0; i < 60 && high > low; i++) {
    const p = (low + high) / 2
    if (p === low || p === high) break
    if (slope(control, p) + slope(treatment, p + difference) > 0) low = p
    else high = p
  }
  const ends = [low, high].map(
    (p) => logLikelihood(control, p) + logLikelihood(treatment, clamp(p + difference))
  )
  return Math.max(...ends)
}

function slope(arm: ProportionCounts, p: number): number {
  const failures = arm.trials - arm.successes
  return (arm.successes === 0 ? 0 : arm.successes / p) - (failures === 0 ? 0 : failures / (1 - p))
}

function clamp(p: number): number {
  return Math.min(1, Math.max(0, p))
}

/** Where convex `evidence` first exceeds `bar` from `estimate` towards +-1, rounded outwards. */
function crossing(
  evidence: (d: number) => number,
  bar: number,
  estimate: number,
  towards: 1 | -1
): number {
  let inside = estimate
  let outside: number = towards
  if (!(evidence(outside) > bar)) return outside
  for (let i = 0; i < 50; i++) {
    const middle = (inside + outside) / 2
    if (evidence(middle) > bar) outside = middle
    else inside = middle
  }
  return outside
}
