import type { Gate } from '@trestle/contract'
import type { MeanFacts } from '../ports.ts'
import { differenceOfMeans, meanBounds } from './bounds.ts'
import { finite, wireInterval, type Interval, type Judgement, type Look } from './look.ts'
import { both, compare, scaleThatCloses, settle, type Answer } from './settle.ts'
import { decimal } from './words.ts'

const UNKNOWN: Interval = { low: -Infinity, high: Infinity }

/** A metric that the business pushed: its mean is not worse than the old variant's by the margin, in the direction that counts as better. */
export function judgeBusiness(
  gate: Gate,
  arms: { candidate: MeanFacts; baseline: MeanFacts | null },
  look: Look
): Judgement {
  const { candidate, baseline } = arms
  const sign = gate.higherIsBetter ? -1 : 1
  const isKnown = candidate.n > 1 && (baseline === null || baseline.n > 1)
  const difference = !isKnown || baseline === null ? null : sign * (candidate.mean - baseline.mean)
  const harm =
    difference === null || baseline === null
      ? UNKNOWN
      : differenceOfMeans(mirrored(candidate, sign), mirrored(baseline, sign), look.errors)
  const level = isKnown ? meanBounds(candidate, look.errors) : UNKNOWN
  const relative: Answer = baseline === null ? 'pass' : compare(harm, gate.margin)
  const settled = settle({
    look,
    samples: { candidate: candidate.n, baseline: baseline?.n ?? null },
    minSamples: gate.minSamples,
    answer: both(relative, withinLimits(gate, level)),
    closesAt: () => scaleThatCloses(difference ?? gate.margin, harm, gate.margin),
  })
  const name = gate.name ?? gate.metric
  return {
    ...settled,
    estimate: baseline === null ? finite(candidate.mean) : difference,
    interval: isKnown ? wireInterval(baseline === null ? level : harm) : null,
    threshold: baseline === null ? (gate.max ?? gate.min ?? 0) : gate.margin,
    sentence: !isKnown
      ? `${name}: ${candidate.n} values of the new variant and ${baseline?.n ?? 0} of the old one so far: ${settled.verdict}`
      : baseline === null
        ? `${name} ${decimal(candidate.mean)} on ${candidate.n} values, within [${decimal(level.low)}, ${decimal(level.high)}]${limits(gate)}: ${settled.verdict}`
        : `${name} ${decimal(candidate.mean)} v ${decimal(baseline.mean)} on ${candidate.n} v ${baseline.n} values, ${gate.higherIsBetter ? 'less' : 'more'} by ${decimal(difference ?? 0)}, within [${decimal(harm.low)}, ${decimal(harm.high)}], margin ${decimal(gate.margin)}${limits(gate)}: ${settled.verdict}`,
  }
}

/** Harm counts upwards, whichever way is better. */
const mirrored = (facts: MeanFacts, sign: 1 | -1): MeanFacts => ({
  ...facts,
  mean: sign * facts.mean,
})

export function withinLimits(gate: Gate, level: Interval): Answer {
  const high = gate.max === null ? 'pass' : compare(level, gate.max)
  const low =
    gate.min === null ? 'pass' : compare({ low: -level.high, high: -level.low }, -gate.min)
  return both(high, low)
}

export const limits = (gate: Gate): string =>
  [
    gate.min === null ? '' : `, at least ${decimal(gate.min)}`,
    gate.max === null ? '' : `, at most ${decimal(gate.max)}`,
  ].join('')
