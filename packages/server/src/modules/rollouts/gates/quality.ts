import type { Gate } from '@trestle/contract'
import type { ArmFacts } from '../ports.ts'
import { differenceOfMeans } from './bounds.ts'
import { wireInterval, type Interval, type Judgement, type Look } from './look.ts'
import { compare, scaleThatCloses, settle } from './settle.ts'
import { decimal } from './words.ts'

const WORDS: Readonly<Record<string, string>> = {
  'log-loss': 'log loss',
  'squared-error': 'squared error',
  error: 'error rate of the labelled',
}

/** With labels: the new variant's mean loss is not above the old one's by more than the margin. */
export function judgeQuality(
  gate: Gate,
  arms: { candidate: ArmFacts; baseline: ArmFacts },
  look: Look
): Judgement {
  const candidate = arms.candidate.labelled
  const baseline = arms.baseline.labelled
  const samples = { candidate: candidate?.n ?? 0, baseline: baseline?.n ?? 0 }
  const isKnown =
    candidate !== null &&
    baseline !== null &&
    candidate.n > 1 &&
    baseline.n > 1 &&
    candidate.metric === baseline.metric
  const bounds: Interval = isKnown
    ? differenceOfMeans(
        { n: candidate.n, mean: candidate.meanLoss, variance: candidate.varLoss },
        { n: baseline.n, mean: baseline.meanLoss, variance: baseline.varLoss },
        look.errors
      )
    : { low: -Infinity, high: Infinity }
  const difference = isKnown ? candidate.meanLoss - baseline.meanLoss : null
  const settled = settle({
    look,
    samples,
    minSamples: gate.minSamples,
    answer: compare(bounds, gate.margin),
    closesAt: () => scaleThatCloses(difference ?? gate.margin, bounds, gate.margin),
  })
  return {
    ...settled,
    estimate: difference,
    interval: wireInterval(bounds),
    threshold: gate.margin,
    sentence: isKnown
      ? `${WORDS[candidate.metric] ?? candidate.metric} ${decimal(candidate.meanLoss)} v ${decimal(baseline.meanLoss)} on ${candidate.n} v ${baseline.n} labels, difference within [${decimal(bounds.low)}, ${decimal(bounds.high)}], margin ${decimal(gate.margin)}: ${settled.verdict}`
      : `${samples.candidate} labels of the new variant and ${samples.baseline} of the old one so far: ${settled.verdict}`,
  }
}
