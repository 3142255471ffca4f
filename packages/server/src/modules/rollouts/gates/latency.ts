import type { Gate } from '@trestle/contract'
import type { ArmFacts, Distribution } from '../ports.ts'
import { quantileBand } from './bounds.ts'
import { wireInterval, type Interval, type Judgement, type Look } from './look.ts'
import { both, compare, settle, type Answer } from './settle.ts'
import { duration, milliseconds, percent } from './words.ts'

export type LatencyMetric = 'latency-p50' | 'latency-p95' | 'latency-p99'

const QUANTILE: Readonly<Record<LatencyMetric, number>> = {
  'latency-p50': 0.5,
  'latency-p95': 0.95,
  'latency-p99': 0.99,
}

type Arms = { candidate: ArmFacts; baseline: ArmFacts | null }

/** A latency quantile: slower than the old variant's only if by more than the ratio and by more than the floor. */
export function judgeLatency(
  gate: Gate & { metric: LatencyMetric },
  arms: Arms,
  look: Look
): Judgement {
  const q = QUANTILE[gate.metric]
  const how: How = { q, word: `p${q * 100} latency`, say: milliseconds, of: (arm) => arm.latencyMs }
  return judgeQuantile({ gate, look, how }, arms)
}

/** How old the feature values were that the variant read: the 95th percentile of the oldest value of each request. */
export const judgeFreshness = (gate: Gate, arms: Arms, look: Look): Judgement =>
  judgeQuantile(
    {
      gate,
      look,
      how: { q: 0.95, word: 'p95 age of features', say: age, of: (arm) => arm.featureAgeMs },
    },
    arms
  )

type How = Readonly<{
  q: number
  word: string
  say: (ms: number) => string
  of: (arm: ArmFacts) => Distribution | null
}>

const age = (ms: number): string => (Number.isFinite(ms) ? duration(Math.max(0, ms)) : 'unknown')

function judgeQuantile(
  { gate, look, how }: { gate: Gate; look: Look; how: How },
  arms: Arms
): Judgement {
  const { q, word, say } = how
  const candidate = how.of(arms.candidate)
  const baseline = arms.baseline === null ? null : how.of(arms.baseline)
  const isAlone = arms.baseline === null
  const band = (of: Distribution, scale: number): Interval =>
    quantileBand(of, { q, scale, arms: isAlone ? 1 : 2 }, look.errors)
  // Asked to be faster, it has to be: the floor forgives a slowdown, no missing gain.
  const allowed = (old: number): number =>
    gate.margin < 0 ? old * (1 + gate.margin) : old + Math.max(old * gate.margin, gate.floorMs)

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
      sentence: `${word} ${say(candidate.quantile(q))}, within [${say(mine.low)}, ${say(mine.high)}], ceiling ${say(max)}: ${settled.verdict}`,
    }
  }
  const old = band(baseline, 1)
  const ratio = { low: mine.low / old.high - 1, high: mine.high / old.low - 1 }
  return {
    ...settled,
    estimate: candidate.quantile(q) / baseline.quantile(q) - 1,
    interval: wireInterval(ratio),
    threshold: gate.margin,
    sentence: `${word} ${say(candidate.quantile(q))} v ${say(baseline.quantile(q))}, ${change(ratio)}, margin ${percent(gate.margin)} and ${say(gate.floorMs)}: ${settled.verdict}`,
  }
}

const change = ({ low, high }: Interval): string =>
  `change within [${Number.isFinite(low) ? percent(low) : 'unknown'}, ${Number.isFinite(high) ? percent(high) : 'unknown'}]`

/** Doubles until the question closes: a tail has no simple law for its width. */
function firstScale(isClosed: (scale: number) => boolean): number {
  for (let scale = 1; scale <= 1_024; scale *= 2) if (isClosed(scale)) return scale
  return Infinity
}
