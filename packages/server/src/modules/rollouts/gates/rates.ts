import type { Gate } from '@trestle/contract'
import type { ArmFacts } from '../ports.ts'
import { differenceOfShares, share, type Count } from './bounds.ts'
import { wireInterval, type Judgement, type Look } from './look.ts'
import { both, compare, scaleThatCloses, settle } from './settle.ts'
import { percent, points, signedPoints } from './words.ts'

export type RateMetric = 'error-rate' | 'timeout-rate' | 'nan-outputs'

const WORDS: Readonly<Record<RateMetric, string>> = {
  'error-rate': 'error rate',
  'timeout-rate': 'timeout rate',
  'nan-outputs': 'share of answers with NaN',
}

/** A share of requests that went wrong: not worse than the old variant's by the margin, nor above the ceiling. */
export function judgeRate(
  gate: Gate & { metric: RateMetric },
  arms: { candidate: ArmFacts; baseline: ArmFacts | null },
  look: Look
): Judgement {
  const candidate = countOf(gate.metric, arms.candidate)
  const baseline = arms.baseline === null ? null : countOf(gate.metric, arms.baseline)
  const word = WORDS[gate.metric]

  const harm = baseline === null ? null : differenceOfShares(candidate, baseline, look.errors)
  const own = ownFaults(gate.metric, arms.candidate)
  const level = share(own, look.errors)
  const relative = harm === null ? 'pass' : compare(harm, gate.margin)
  const absolute = gate.max === null ? 'pass' : compare(level, gate.max)

  const settled = settle({
    look,
    samples: { candidate: candidate.n, baseline: baseline?.n ?? null },
    minSamples: gate.minSamples,
    answer: both(relative, absolute),
    closesAt: () =>
      Math.max(
        harm === null || baseline === null
          ? 1
          : scaleThatCloses(rateOf(candidate) - rateOf(baseline), harm, gate.margin),
        gate.max === null ? 1 : scaleThatCloses(rateOf(own), level, gate.max)
      ),
  })

  const ceiling = Math.min(
    gate.max ?? Infinity,
    gate.metric === 'error-rate' ? look.errors.environmentErrorRate : Infinity
  )
  // Certainly worse than the other arm is the new variant's own fault, in whatever weather.
  const isEnvironment =
    arms.baseline !== null &&
    baseline !== null &&
    harm !== null &&
    relative !== 'fail' &&
    baseline.n > 0 &&
    candidate.n > 0 &&
    share(ownFaults(gate.metric, arms.baseline), look.errors).low > ceiling &&
    level.low > ceiling
  const verdict = isEnvironment ? ('environment' as const) : settled.verdict

  if (harm === null || baseline === null) {
    const max = gate.max ?? 1
    return {
      ...settled,
      estimate: rateOf(own),
      interval: wireInterval(level),
      threshold: max,
      sentence: `${word} ${percent(rateOf(own))}, within [${percent(level.low)}, ${percent(level.high)}], ceiling ${percent(max)}: ${verdict}`,
    }
  }
  if (candidate.n === 0 || baseline.n === 0)
    return {
      ...settled,
      estimate: null,
      interval: null,
      threshold: gate.margin,
      sentence: `${word} not measured on both variants yet: ${verdict}`,
    }
  const limit = gate.max === null ? '' : `, ceiling ${percent(gate.max)}`
  return {
    ...settled,
    verdict,
    missing: isEnvironment ? null : settled.missing,
    estimate: rateOf(candidate) - rateOf(baseline),
    interval: wireInterval(harm),
    threshold: gate.margin,
    sentence: isEnvironment
      ? `${word} ${percent(rateOf(candidate))} v ${percent(rateOf(baseline))}, both above ${percent(ceiling)}: the environment fails, not the new variant`
      : `${word} ${percent(rateOf(candidate))} v ${percent(rateOf(baseline))}, difference within [${signedPoints(harm.low)}, ${signedPoints(harm.high)}] points, margin ${points(gate.margin)}${limit}: ${verdict}`,
  }
}

/** Refused requests count beside the other arm's: both get the same share of bad requests, so that the rest is a full queue. */
function countOf(metric: RateMetric, arm: ArmFacts): Count {
  const { hits, n } = ownFaults(metric, arm)
  return { hits: metric === 'error-rate' ? Math.min(n, hits + arm.rejected) : hits, n }
}

/** Alone, a refused request may be the caller's fault, and is left out. */
function ownFaults(metric: RateMetric, arm: ArmFacts): Count {
  const n = arm.requests
  switch (metric) {
    case 'error-rate':
      return { hits: arm.errors, n }
    case 'timeout-rate':
      return { hits: arm.timeouts, n }
    case 'nan-outputs':
      // Counted per value; a request with several is one bad request at most.
      return { hits: Math.min(n, arm.nanOutputs), n }
  }
}

const rateOf = (count: Count): number => (count.n === 0 ? 0 : count.hits / count.n)
