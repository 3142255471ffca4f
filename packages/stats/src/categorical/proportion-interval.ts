import { requireOption, undefinedBecause } from '../outcome.ts'
import type { Outcome } from '../outcome.ts'
import { betaQuantile } from '../special/incomplete-beta.ts'
import { normalQuantile } from '../special/normal.ts'
import { isCount } from './contingency.ts'

export type IntervalOutcome = Outcome<{ estimate: number; lower: number; upper: number }>

/** Wilson's score interval for a proportion (Wilson 1927): sensible at 0 and n, good average coverage. */
export function wilsonInterval(successes: number, trials: number, alpha = 0.05): IntervalOutcome {
  requireOption(alpha > 0 && alpha < 1, 'alpha must lie in (0, 1)')
  if (!isCount(successes) || !isCount(trials) || successes > trials)
    return undefinedBecause('invalid-count')
  if (trials === 0) return undefinedBecause('empty-sample')
  const z = normalQuantile(1 - alpha / 2)
  const estimate = successes / trials
  const denominator = 1 + (z * z) / trials
  const centre = (estimate + (z * z) / (2 * trials)) / denominator
  const half =
    (z * Math.sqrt((estimate * (1 - estimate)) / trials + (z / (2 * trials)) ** 2)) / denominator
  const lower = successes === 0 ? 0 : centre - half
  const upper = successes === trials ? 1 : centre + half
  return { kind: 'ok', estimate, lower, upper }
}

/** Clopper and Pearson's exact interval (1934): never covers less than 1 - alpha. */
export function clopperPearsonInterval(
  successes: number,
  trials: number,
  alpha = 0.05
): IntervalOutcome {
  requireOption(alpha > 0 && alpha < 1, 'alpha must lie in (0, 1)')
  if (!isCount(successes) || !isCount(trials) || successes > trials)
    return undefinedBecause('invalid-count')
  if (trials === 0) return undefinedBecause('empty-sample')
  const failures = trials - successes
  const lower = successes === 0 ? 0 : betaQuantile(alpha / 2, successes, failures + 1)
  const upper = failures === 0 ? 1 : betaQuantile(1 - alpha / 2, successes + 1, failures)
  return { kind: 'ok', estimate: successes / trials, lower, upper }
}
