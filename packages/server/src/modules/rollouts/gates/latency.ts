import type { Gate } from '@trestle/contract'
import type { ArmFacts, Distribution } from '../ports.ts'
import { quantileBand } from './bounds.ts'
import { wireInterval, type Interval, type Judgement, type Look } from './look.ts'
import { both, compare, settle, type Answer } from './settle.ts'
import { milliseconds, percent } from './words.ts'

export type LatencyMetric = 'latency-p50' | 'latency-p95' | 'latency-p99'

const QUANTILE: Readonly<Record<LatencyMetric, number>> = {
  'latency-p50': 0.5,
  'latency-p95': 0.95,
  'latency-p99': 0.99,
}

/** A latency quantile: slower than the old variant's only if by more than the ratio and by more than the floor. */
export function judgeLatency(
  gate: Gate & { metric: LatencyMetric },
  arms: { candidate: ArmFacts; baseline: ArmFacts | null },
  look: Look
): Judgement {
  const q = QUANTILE[gate.metric]
  const candidate = arms.candidate.latencyMs
  const baseline = arms.baseline === null ? null : arms.baseline.latencyMs
  const isAlone = arms.baseline === null
  const band = (of: Distribution, scale: number): Interval =>
    quantileBand(of, { q, scale, arms: isAlone ? 1 : 2 }, look.errors)
  const allowed = (old: number): number => old + Math.max(old * gate.margin, gate.floorMs)

  const answer = (scale: number): Answer => {
    if (candidate === null || candidate.count === 0) return 'open'
    const mine = band(candidate, scale)
    const absolute = gate.max === null ? 'pass' : compare(mine, gate.max)
    if (isAlone) return absolute
    if (baseline === null || baseline.count === 0) return 'open'
    const old = band(baseline, scale)
    const relative =
      mine.low > allowed(old.high) ? 'fail' : mine.high <= allowed(old.low) ? 'pass' : 'open'
    return both(relative, absolute)
  }
  const settled = settle({
    look,
    samples: {
      candidate: candidate?.count ?? 0,
      baseline: isAlone ? null : (baseline?.count ?? 0),
    },
    minSamples: gate.minSamples,
    answer: answer(1),
    closesAt: () => firstScale((scale) => answer(scale) !== 'open'),
  })

  const word = `p${q * 100} latency`
  const known = candidate !== null && candidate.count > 0
  if (!known || (!isAlone && (baseline === null || baseline.count === 0)))
    return {
      ...settled,
      estimate: null,
      interval: null,
      threshold: gate.margin,
      sentence: `${word} not measured on both variants yet: ${settled.verdict}`,
    }
  const mine = band(candidate, 1)
  if (baseline === null) {
    const max = gate.max ?? Infinity
    return {
      ...settled,
      estimate: candidate.quantile(q),
      interval: wireInterval(mine),
      threshold: max,
      sentence: `${word} ${milliseconds(candidate.quantile(q))}, within [${milliseconds(mine.low)}, ${milliseconds(mine.high)}], ceiling ${milliseconds(max)}: ${settled.verdict}`,
    }
  }
  const old = band(baseline, 1)
  const ratio = { low: mine.low / old.high - 1, high: mine.high / old.low - 1 }
  return {
    ...settled,
    estimate: candidate.quantile(q) / baseline.quantile(q) - 1,
    interval: wireInterval(ratio),
    threshold: gate.margin,
    sentence: `${word} ${milliseconds(candidate.quantile(q))} v ${milliseconds(baseline.quantile(q))}, ${change(ratio)}, margin ${percent(gate.margin)} and ${milliseconds(gate.floorMs)}: ${settled.verdict}`,
  }
}

const change = ({ low, high }: Interval): string =>
  `change within [${Number.isFinite(low) ? percent(low) : 'unknown'}, ${Number.isFinite(high) ? percent(high) : 'unknown'}]`

/** Doubles until the question closes: a tail has no simple law for its width. */
function firstScale(isClosed: (scale: number) => boolean): number {
  for (let scale = 1; scale <= 1_024; scale *= 2) if (isClosed(scale)) return scale
  return Infinity
}
