import type { MonitorSpec, QualityEstimate } from '@trestle/contract'
import {
  calibrate,
  expectedErrors,
  expectedPerformance,
  fitCalibrator,
  fitLossEstimator,
  type LossColumn,
} from '@trestle/stats'
import type { Scalar } from '../../../kernel/scalar.ts'
import { isSameClass } from '../outcome.ts'
import { areWorse, meanOf, shortLoss, varianceOf } from './losses.ts'

type QualitySpec = NonNullable<MonitorSpec['quality']>

/** An answer that no label is needed of. */
export type Answered = Readonly<{
  score: number | null
  predicted: Scalar | null
  inputs: Readonly<Record<string, Scalar | null>>
}>
/** An answer of the reference, with what turned out to be true. */
export type AnsweredAndLabelled = Answered & Readonly<{ label: Scalar }>

/**
 * How good the predictions of a window are to be expected, before their labels are there: confidence-based for a binary classification (CBPE), by a
 * learnt loss for a regression (DLE; both NannyML). Both take the relation of inputs and truth to be the reference's: they see what drifted inputs
 * cost, not that the world changed. Null where the method has nothing to go by.
 */
export function estimateQuality(
  reference: readonly AnsweredAndLabelled[],
  window: readonly Answered[],
  spec: QualitySpec
): QualityEstimate | null {
  if (reference.length < MINIMUM_LABELS || window.length === 0) return null
  switch (spec.problem) {
    case 'binary':
      return ofBinary(reference, window, spec)
    case 'regression':
      return ofRegression(reference, window, spec)
    case 'multiclass':
      return null // needs the probability of each class
  }
}

/** Below this a calibrator or a learnt loss says more of its sample than of the model. */
const MINIMUM_LABELS = 200

function ofBinary(
  reference: readonly AnsweredAndLabelled[],
  window: readonly Answered[],
  spec: QualitySpec
): QualityEstimate | null {
  const positive = spec.positive ?? 1
  const known = reference.filter(hasScore)
  const asked = window.filter(hasScore)
  if (known.length < MINIMUM_LABELS || asked.length === 0) return null
  const isPositive = ({ predicted, score }: { predicted: Scalar | null; score: number }) =>
    predicted === null || predicted === score ? score >= 0.5 : isSameClass(predicted, positive)
  const truth = known.map(({ label }) => (isSameClass(label, positive) ? 1 : 0))
  const calibrator = fitCalibrator(
    known.map(({ score }) => score),
    truth
  )
  const scores = asked.map(({ score }) => score)
  const probabilities = scores.map((score) =>
    Math.min(1, Math.max(0, calibrate(calibrator, score)))
  )
  const predicted = asked.map((row) => (isPositive(row) ? 1 : 0))
  const errors = expectedErrors(probabilities, predicted)
  const before = known.map((row, i) => (isPositive(row) === (truth[i] === 1) ? 0 : 1))
  return {
    method: 'CBPE',
    metrics: { ...expectedPerformance(probabilities, predicted, scores) },
    ...compare(before, errors, {
      what: 'error rate',
      tolerance: spec.tolerance,
      // What a label will be varies about its probability.
      variance: meanOf(errors.map((error) => error * (1 - error))) + varianceOf(errors),
    }),
  }
}

function ofRegression(
  reference: readonly AnsweredAndLabelled[],
  window: readonly Answered[],
  spec: QualitySpec
): QualityEstimate | null {
  const known = reference.filter(hasScore)
  const asked = window.filter(hasScore)
  if (known.length < MINIMUM_LABELS || asked.length === 0) return null
  const before = known.map(({ score, label }) => Math.abs(score - Number(label)))
  const names = Object.keys(known[0]?.inputs ?? {})
  const columnsOf = (rows: readonly (Answered & { score: number })[]): LossColumn[] => [
    Float64Array.from(rows, ({ score }) => score),
    ...names.map((name) => columnOf(rows.map(({ inputs }) => inputs[name] ?? null))),
  ]
  const losses = fitLossEstimator(columnsOf(known), before).estimate(columnsOf(asked))
  return {
    method: 'DLE',
    metrics: { mae: meanOf(losses) },
    ...compare(before, losses, {
      what: 'mean absolute error',
      tolerance: spec.tolerance,
      variance: varianceOf(before),
    }),
  }
}

/** A column whose values are all numbers (or missing) as numbers, any other by name. */
function columnOf(values: readonly (Scalar | null)[]): LossColumn {
  const isNumeric = values.every(
    (value) => value === null || typeof value === 'number' || typeof value === 'bigint'
  )
  return isNumeric
    ? Float64Array.from(values, (value) => (value === null ? NaN : Number(value)))
    : values.map((value) => (value === null ? null : String(value)))
}

function compare(
  before: ArrayLike<number>,
  now: ArrayLike<number>,
  by: { what: string; tolerance: number; variance: number }
): Pick<QualityEstimate, 'state' | 'referenceLabels' | 'finding'> {
  const isWorse = areWorse(before, now, by)
  return {
    state: isWorse ? 'worse' : 'ok',
    referenceLabels: before.length,
    finding: isWorse
      ? `The ${by.what} is expected at ${shortLoss(meanOf(now))}, was ${shortLoss(meanOf(before))} in the reference period (estimated, no labels).`
      : '',
  }
}

const hasScore = <R extends Answered>(row: R): row is R & { score: number } =>
  row.score !== null && Number.isFinite(row.score)
