import type { Numbers } from '../samples.ts'
import { fitIsotonic, isotonicAt, type Isotonic } from './isotonic.ts'

/** How a classifier did, as its own scores let expect, when no labels are there yet. A value that nothing defines is null. */
export type ExpectedPerformance = {
  readonly accuracy: number | null
  readonly precision: number | null
  readonly recall: number | null
  readonly f1: number | null
  readonly auc: number | null
}

/** A calibrator of scores: the curve from score to share of positives, or null where the scores are better as they are. */
export type Calibrator = Isotonic | null

const FOLDS = 5

/**
 * Learns which share of positives a score stands for, from scores with labels of 0 and 1. Used only where it helps on rows that it has not seen:
 * five folds, by Brier score, which unlike the calibration error over bins rewards no chance.
 */
export function fitCalibrator(scores: Numbers, labels: Numbers): Calibrator {
  let before = 0
  let after = 0
  for (let fold = 0; fold < FOLDS; fold++) {
    const kept = (i: number) => i % FOLDS !== fold
    const curve = fitIsotonic(pick(scores, kept), pick(labels, kept))
    const held = pick(scores, (i) => !kept(i))
    const truth = pick(labels, (i) => !kept(i))
    before += brierSum(held, truth)
    after += brierSum(
      held.map((score) => isotonicAt(curve, score)),
      truth
    )
  }
  return after < before ? fitIsotonic(scores, labels) : null
}

/** A score as a probability. */
export const calibrate = (calibrator: Calibrator, score: number): number =>
  calibrator === null ? score : isotonicAt(calibrator, score)

/** The chance that each prediction is wrong: `predicted` is 1 for the positive class. */
export function expectedErrors(probabilities: Numbers, predicted: Numbers): Float64Array {
  return Float64Array.from(probabilities, (p, i) => (predicted[i] === 1 ? 1 - p : p))
}

/**
 * Confidence-based performance estimation (CBPE, NannyML): a prediction with probability p counts as p of a right one. Blind to concept drift, as it
 * takes the scores at their word. `scores` rank for the area under the ROC curve; of equal ones each counts half.
 */
export function expectedPerformance(
  probabilities: Numbers,
  predicted: Numbers,
  scores: Numbers = probabilities
): ExpectedPerformance {
  let truePositive = 0
  let falsePositive = 0
  let falseNegative = 0
  let trueNegative = 0
  for (let i = 0; i < probabilities.length; i++) {
    const p = probabilities[i]!
    if (predicted[i] === 1) {
      truePositive += p
      falsePositive += 1 - p
    } else {
      falseNegative += p
      trueNegative += 1 - p
    }
  }
  return {
    accuracy: share(truePositive + trueNegative, probabilities.length),
    precision: share(truePositive, truePositive + falsePositive),
    recall: share(truePositive, truePositive + falseNegative),
    f1: share(2 * truePositive, 2 * truePositive + falsePositive + falseNegative),
    auc: expectedAuc(probabilities, scores),
  }
}

/** The trapezoids under expected true positives over expected false ones, from the highest score down. */
function expectedAuc(probabilities: Numbers, scores: Numbers): number | null {
  const order = Array.from(scores, (_score, i) => i).sort((a, b) => scores[b]! - scores[a]!)
  let positives = 0
  let negatives = 0
  let area = 0
  for (let i = 0; i < order.length;) {
    const score = scores[order[i]!]
    let positive = 0
    let negative = 0
    for (; i < order.length && scores[order[i]!] === score; i++) {
      positive += probabilities[order[i]!]!
      negative += 1 - probabilities[order[i]!]!
    }
    area += negative * (positives + positive / 2)
    positives += positive
    negatives += negative
  }
  return share(area, positives * negatives)
}

/** The sum of squared distances of probabilities from what turned out (Brier 1950): the lower, the more honest the probabilities. */
function brierSum(probabilities: readonly number[], labels: readonly number[]): number {
  return probabilities.reduce((sum, p, i) => sum + (p - labels[i]!) ** 2, 0)
}

const pick = (values: Numbers, keeps: (i: number) => boolean): number[] =>
  Array.from(values).filter((_value, i) => keeps(i))

const share = (part: number, whole: number): number | null => (whole > 0 ? part / whole : null)
