import type { Gate } from '@trestle/contract'
import type { ArmFacts, Distribution } from '../ports.ts'
import { distributionBand } from './bounds.ts'
import { wireInterval, type Interval, type Judgement, type Look } from './look.ts'
import { compare, scaleThatCloses, settle } from './settle.ts'
import { decimal } from './words.ts'

const GRID = 200

/** The predictions of both arms have about the same distribution: their Kolmogorov-Smirnov distance stays under the margin. */
export function judgeDistribution(
  gate: Gate,
  arms: { candidate: ArmFacts; baseline: ArmFacts },
  look: Look
): Judgement {
  const candidate = arms.candidate.score
  const baseline = arms.baseline.score
  const samples = { candidate: candidate?.count ?? 0, baseline: baseline?.count ?? 0 }
  const distance =
    candidate === null || baseline === null || samples.candidate === 0 || samples.baseline === 0
      ? null
      : ksDistance(candidate, baseline)
  const bounds: Interval =
    distance === null
      ? { low: 0, high: Infinity }
      : distributionBand(distance, samples, look.errors)
  const settled = settle({
    look,
    samples,
    minSamples: gate.minSamples,
    answer: compare(bounds, gate.margin),
    closesAt: () => scaleThatCloses(distance ?? gate.margin, bounds, gate.margin),
  })
  return {
    ...settled,
    estimate: distance,
    interval: wireInterval(bounds),
    threshold: gate.margin,
    sentence:
      distance === null
        ? `predictions are not numbers on both variants yet: ${settled.verdict}`
        : `distance between the predictions ${decimal(distance)}, within [${decimal(bounds.low)}, ${decimal(bounds.high)}], margin ${decimal(gate.margin)}: ${settled.verdict}`,
  }
}

/** The largest difference of the two distribution functions, looked for at the quantiles of both. */
export function ksDistance(a: Distribution, b: Distribution): number {
  let largest = 0
  for (const source of [a, b]) {
    for (let i = 0; i <= GRID; i++) {
      const x = source.quantile(i / GRID)
      largest = Math.max(largest, Math.abs(a.shareBelow(x) - b.shareBelow(x)))
    }
  }
  return largest
}
