/** Gates on two answers to the same request: what the live variant said and what its shadow said. */
import { confidenceSequence } from '@trestle/stats'
import type { Gate } from '@trestle/contract'
import type { ShadowFacts } from '../ports.ts'
import { meanBounds } from './bounds.ts'
import { wireInterval, type Interval, type Judgement, type Look } from './look.ts'
import { compare, scaleThatCloses, settle } from './settle.ts'
import { decimal, percent, signedPoints } from './words.ts'

const UNKNOWN: Interval = { low: -Infinity, high: Infinity }

/** The scores of both are close: the mean of their absolute differences stays under the margin. */
export function judgeScoreDifference(gate: Gate, facts: ShadowFacts, look: Look): Judgement {
  const { difference } = facts
  const bounds =
    difference === null
      ? UNKNOWN
      : meanBounds(withOneMore(difference, Math.max(gate.margin, difference.mean)), look.errors)
  return paired(gate, look, {
    n: difference?.n ?? 0,
    estimate: difference?.mean ?? null,
    bounds,
    says: (verdict) =>
      difference === null
        ? `no request was scored by both variants yet: ${verdict}`
        : `the scores differ by ${decimal(difference.mean)} on average over ${difference.n} requests, within [${decimal(Math.max(0, bounds.low))}, ${decimal(bounds.high)}], margin ${decimal(gate.margin)}: ${verdict}`,
  })
}

/** A value more at the margin, so that differences that were all nought so far are not taken for certain. */
function withOneMore(
  facts: { n: number; mean: number; variance: number },
  value: number
): { n: number; mean: number; variance: number } {
  const { n, mean, variance } = facts
  return {
    n,
    mean,
    variance: (Math.max(0, n - 1) * variance + (n / (n + 1)) * (value - mean) ** 2) / n,
  }
}

/**
 * Both put requests into about the same order: 1 less Spearman's correlation stays under the margin. Bounds by Fisher's transformation with the variance
 * of Fieller, Hartley and Pearson (1957), 1.06 / (n - 3).
 */
export function judgeRankCorrelation(gate: Gate, facts: ShadowFacts, look: Look): Judgement {
  const { ranks } = facts
  const bounds = ranks === null || ranks.n < 10 ? UNKNOWN : rankBounds(ranks, look)
  const harm = ranks === null ? null : 1 - ranks.correlation
  return paired(gate, look, {
    n: ranks?.n ?? 0,
    estimate: harm,
    bounds,
    says: (verdict) =>
      ranks === null
        ? `no request was scored by both variants yet: ${verdict}`
        : `rank correlation ${decimal(ranks.correlation)} over ${ranks.n} requests, within [${decimal(1 - bounds.high)}, ${decimal(1 - bounds.low)}], at least ${decimal(1 - gate.margin)} asked for: ${verdict}`,
  })
}

const CERTAIN = 1 - 1e-9

function rankBounds(ranks: { n: number; correlation: number }, look: Look): Interval {
  const z = Math.atanh(Math.max(-CERTAIN, Math.min(CERTAIN, ranks.correlation)))
  const standardError = Math.sqrt(1.06 / (ranks.n - 3))
  const at = (alpha: number) =>
    confidenceSequence({ estimate: z, standardError, count: ranks.n }, { alpha: 2 * alpha })
  const harm = at(look.errors.harm)
  const safety = at(look.errors.safety)
  if (harm.kind === 'undefined' || safety.kind === 'undefined') return UNKNOWN
  // The lowest harm is at the highest correlation.
  return { low: 1 - Math.tanh(harm.upper), high: 1 - Math.tanh(safety.lower) }
}

/**
 * Of requests with a label, the new variant is not wrong where the old one is right more often than the other way round, by the margin. The interval
 * is of the paired difference (McNemar's setting), so that what both get right or wrong costs nothing.
 */
export function judgePairedLabels(gate: Gate, facts: ShadowFacts, look: Look): Judgement {
  const { labelled } = facts
  const harm =
    labelled === null || labelled.n === 0
      ? null
      : (labelled.onlyPrimaryRight - labelled.onlyShadowRight) / labelled.n
  const bounds =
    labelled === null || harm === null ? UNKNOWN : meanBounds(pairedMean(labelled), look.errors)
  return paired(gate, look, {
    n: labelled?.n ?? 0,
    estimate: harm,
    bounds,
    says: (verdict) =>
      labelled === null || harm === null
        ? `no labelled request was answered by both variants yet: ${verdict}`
        : `of ${labelled.n} labelled requests ${labelled.onlyPrimaryRight} were right by the old variant alone and ${labelled.onlyShadowRight} by the new one alone, difference ${signedPoints(harm)} points, within [${signedPoints(bounds.low)}, ${signedPoints(bounds.high)}], margin ${percent(gate.margin)}${labelled.pValue === null ? '' : `, McNemar p = ${decimal(labelled.pValue)}`}: ${verdict}`,
  })
}

/** The mean of +1, 0 and -1 per pair, with one more of each discordant kind for the spread (Agresti and Min 2005). */
function pairedMean(labelled: { n: number; onlyPrimaryRight: number; onlyShadowRight: number }) {
  const n = labelled.n + 2
  const difference = labelled.onlyPrimaryRight - labelled.onlyShadowRight
  const discordant = labelled.onlyPrimaryRight + labelled.onlyShadowRight + 2
  return {
    n: labelled.n,
    mean: difference / labelled.n,
    variance: (discordant - difference ** 2 / n) / (n - 1),
  }
}

function paired(
  gate: Gate,
  look: Look,
  one: {
    n: number
    estimate: number | null
    bounds: Interval
    says: (verdict: string) => string
  }
): Judgement {
  const { n, estimate, bounds } = one
  const settled = settle({
    look,
    samples: { candidate: n, baseline: n },
    minSamples: gate.minSamples,
    answer: compare(bounds, gate.margin),
    closesAt: () => scaleThatCloses(estimate ?? gate.margin, bounds, gate.margin),
  })
  return {
    ...settled,
    estimate,
    interval: wireInterval(bounds),
    threshold: gate.margin,
    sentence: one.says(settled.verdict),
  }
}
