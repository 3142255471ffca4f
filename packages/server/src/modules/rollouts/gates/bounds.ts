/** Bounds that hold at every look at once (anytime-valid), from the counts and sketches that gates have. */
import {
  confidenceSequence,
  meanDifferenceSequence,
  proportionDifferenceSequence,
  startSampleRatio,
  updateSampleRatio,
} from '@trestle/stats'
import type { Distribution } from '../ports.ts'
import type { ErrorBudget, Interval } from './look.ts'
import { rateSequence } from './rate-sequence.ts'
import { uniformBandWidth } from './uniform-band.ts'

export type Count = Readonly<{ hits: number; n: number }>
export type Mean = Readonly<{ n: number; mean: number; variance: number }>

const UNBOUNDED: Interval = { low: -Infinity, high: Infinity }
/** Sample size at which the intervals are narrowest: about where rollouts decide. */
const TUNED_FOR = 2_000

type Bounds = { kind: 'ok'; lower: number; upper: number } | { kind: 'undefined' }

/** The low end proves harm and the high end rules it out, each with its own budget. */
function oneSided(errors: ErrorBudget, interval: (alpha: number) => Bounds): Interval {
  const harm = interval(errors.harm)
  const safety = interval(errors.safety)
  if (harm.kind === 'undefined' || safety.kind === 'undefined') return UNBOUNDED
  return { low: harm.lower, high: safety.upper }
}

/** Fewest hits that the smaller arm should have by the common rate for a normal approximation to do; measured in bench/rollouts. */
const FEWEST_EXPECTED_HITS = 10

/**
 * Rate of `candidate` less rate of `baseline`: exact while events are rare, and the tighter of exact and asymptotic once there are enough of them.
 * The exact mixture bets on both arms at once and pays for it in width, so that its own share of the error is next to nothing.
 */
export function differenceOfShares(
  candidate: Count,
  baseline: Count,
  errors: ErrorBudget
): Interval {
  const exact = oneSided(errors, (alpha) =>
    proportionDifferenceSequence(
      { successes: baseline.hits, trials: baseline.n },
      { successes: candidate.hits, trials: candidate.n },
      { alpha }
    )
  )
  const common = (candidate.hits + baseline.hits) / (candidate.n + baseline.n)
  if (!(common * Math.min(candidate.n, baseline.n) >= FEWEST_EXPECTED_HITS)) return exact
  const asymptotic = differenceOfMeans(asMean(candidate), asMean(baseline), errors)
  return {
    low: Math.max(exact.low, asymptotic.low),
    high: Math.min(exact.high, asymptotic.high),
  }
}

/** One hit and one miss more (Agresti and Caffo 2000), so that an arm without hits is not taken for certain. */
function asMean({ hits, n }: Count): Mean {
  const smoothed = (hits + 1) / (n + 2)
  return { n, mean: hits / n, variance: smoothed * (1 - smoothed) }
}

/** One rate. */
export function share(count: Count, errors: ErrorBudget): Interval {
  if (count.n === 0) return { low: 0, high: 1 }
  return {
    low: rateSequence(count, errors.harm).low,
    high: rateSequence(count, errors.safety).high,
  }
}

/** Mean of `candidate` less mean of `baseline`. The interval is symmetric: one side at `a` is a side of the interval at `2a`. */
export const differenceOfMeans = (candidate: Mean, baseline: Mean, errors: ErrorBudget): Interval =>
  oneSided(errors, (alpha) =>
    meanDifferenceSequence(
      { count: baseline.n, mean: baseline.mean, variance: baseline.variance },
      { count: candidate.n, mean: candidate.mean, variance: candidate.variance },
      { alpha: 2 * alpha, tunedFor: TUNED_FOR }
    )
  )

/** One mean. */
export const meanBounds = (of: Mean, errors: ErrorBudget): Interval =>
  oneSided(errors, (alpha) =>
    confidenceSequence(
      { estimate: of.mean, standardError: Math.sqrt(of.variance / of.n), count: of.n },
      { alpha: 2 * alpha, tunedFor: TUNED_FOR }
    )
  )

/**
 * The `q` quantile. "At or below the true quantile" is a coin of bias `q`, so a confidence sequence for that coin gives the ranks between which the
 * quantile lies (Howard and Ramdas 2022, "Sequential estimation of quantiles", section 3). With two arms each has half of the budget.
 */
export function quantileBand(
  distribution: Distribution,
  at: { q: number; scale: number; arms: 1 | 2 },
  errors: ErrorBudget
): Interval {
  const count = distribution.count * at.scale
  const standardError = Math.sqrt((at.q * (1 - at.q)) / count)
  const ranks = oneSided(
    { ...errors, harm: errors.harm / at.arms, safety: errors.safety / at.arms },
    (alpha) =>
      confidenceSequence(
        { estimate: at.q, standardError, count },
        { alpha: 2 * alpha, tunedFor: TUNED_FOR }
      )
  )
  return {
    low: ranks.low <= 0 ? 0 : distribution.quantile(ranks.low),
    high: ranks.high >= 1 ? Infinity : distribution.quantile(ranks.high),
  }
}

/** The true Kolmogorov-Smirnov distance, given the measured one: each arm's distribution function lies in a uniform band. */
export function distributionBand(
  distance: number,
  counts: { candidate: number; baseline: number },
  errors: ErrorBudget
): Interval {
  const slack = (alpha: number): number =>
    uniformBandWidth(counts.candidate, alpha / 2) + uniformBandWidth(counts.baseline, alpha / 2)
  return {
    low: Math.max(0, distance - slack(errors.harm)),
    high: Math.min(1, distance + slack(errors.safety)),
  }
}

/** The chance of a split at least this far from the one asked for, at any look. */
export function splitPValue(
  counts: { candidate: number; baseline: number },
  expectedShare: number
): number {
  if (expectedShare <= 0 || expectedShare >= 1) return 1
  const outcome = updateSampleRatio(startSampleRatio([expectedShare, 1 - expectedShare]), [
    counts.candidate,
    counts.baseline,
  ])
  return outcome.kind === 'ok' ? outcome.pValue : 1
}
