import { createAdwin, createPageHinkley, mannWhitney } from '@trestle/stats'
import type { MonitorSpec, QualityReport } from '@trestle/contract'
import type { Scalar } from '../../../kernel/scalar.ts'
import type { OutcomeRow } from '../labels/store.ts'
import { className, isSameClass } from '../outcome.ts'
import { areWorse, meanOf, shortLoss } from './losses.ts'

/** What quality reads of a labelled prediction. */
type Outcome = Pick<OutcomeRow, 'prediction_at' | 'label_json' | 'predicted_json' | 'score'>

type QualitySpec = NonNullable<MonitorSpec['quality']>

/** One labelled prediction, as quality sees it. */
type Case = Readonly<{
  at: number
  label: Scalar
  predicted: Scalar
  score: number | null
  error: number
}>

/** How good the predictions were, once labels are there. Compares with the reference period's labelled predictions. */
export function judgeQuality(
  input: {
    outcomes: readonly Outcome[]
    referenceOutcomes: readonly Outcome[]
    /** Labelled predictions up to the window's end, for the change detectors. */
    history: readonly Outcome[]
    predictions: number
    from: number
  },
  spec: QualitySpec
): QualityReport {
  const cases = toCases(input.outcomes, spec)
  const before = toCases(input.referenceOutcomes, spec)
  const metrics = metricsOf(cases, spec)
  const base = {
    estimate: null,
    predictions: input.predictions,
    labels: cases.length,
    coverage: input.predictions === 0 ? 0 : Math.min(1, cases.length / input.predictions),
    metrics,
    referenceMetrics: before.length === 0 ? null : metricsOf(before, spec),
    conceptDrift: detectChange(toCases(input.history, spec), input.from),
  }
  if (cases.length < spec.minimumLabels)
    return {
      ...base,
      state: 'insufficient',
      finding: `${cases.length} labels in the window; at least ${spec.minimumLabels} are needed.`,
    }
  const worse =
    before.length >= spec.minimumLabels && areWorse(errorsOf(before), errorsOf(cases), spec)
  const what = spec.problem === 'regression' ? 'mean absolute error' : 'error rate'
  const now = meanOf(errorsOf(cases))
  const then = meanOf(errorsOf(before))
  if (worse)
    return {
      ...base,
      state: 'worse',
      finding: `The ${what} is ${shortLoss(now)}, was ${shortLoss(then)} in the reference period (${cases.length} labels).`,
    }
  if (base.conceptDrift.detected)
    return {
      ...base,
      state: 'worse',
      finding: `The ${what} changed within the window (${base.conceptDrift.detectors
        .filter((d) => d.at !== null)
        .map((d) => d.name)
        .join(' and ')}).`,
    }
  return { ...base, state: 'ok', finding: '' }
}

function toCases(rows: readonly Outcome[], spec: QualitySpec): Case[] {
  return rows.map((row) => {
    const label = JSON.parse(row.label_json) as Scalar // written by this module
    const predicted = JSON.parse(row.predicted_json) as Scalar // written by this module
    const isNumber = spec.problem === 'regression'
    const error =
      isNumber && row.score !== null
        ? Math.abs(row.score - Number(label))
        : isSameClass(predicted, label)
          ? 0
          : 1
    return { at: row.prediction_at, label, predicted, score: row.score, error }
  })
}

function metricsOf(cases: readonly Case[], spec: QualitySpec): Record<string, number | null> {
  switch (spec.problem) {
    case 'binary':
      return binaryMetrics(cases, spec.positive ?? 1)
    case 'multiclass':
      return multiclassMetrics(cases)
    case 'regression':
      return regressionMetrics(cases)
  }
}

function binaryMetrics(cases: readonly Case[], positive: Scalar): Record<string, number | null> {
  const isPositive = (value: Scalar): boolean => isSameClass(value, positive)
  let truePositive = 0
  let falsePositive = 0
  let falseNegative = 0
  let right = 0
  let logLoss = 0
  let withProbability = 0
  const high: number[] = []
  const low: number[] = []
  for (const { label, predicted, score, error } of cases) {
    if (error === 0) right++
    if (isPositive(predicted) && isPositive(label)) truePositive++
    if (isPositive(predicted) && !isPositive(label)) falsePositive++
    if (!isPositive(predicted) && isPositive(label)) falseNegative++
    if (score === null) continue
    ;(isPositive(label) ? high : low).push(score)
    if (score < 0 || score > 1) continue
    const p = Math.min(1 - 1e-15, Math.max(1e-15, score))
    withProbability++
    logLoss -= Math.log(isPositive(label) ? p : 1 - p)
  }
  return {
    accuracy: share(right, cases.length),
    precision: share(truePositive, truePositive + falsePositive),
    recall: share(truePositive, truePositive + falseNegative),
    f1: share(2 * truePositive, 2 * truePositive + falsePositive + falseNegative),
    auc: areaUnderCurve(high, low),
    logLoss: share(logLoss, withProbability),
    calibrationError: calibrationError(cases, isPositive),
  }
}

const CALIBRATION_BINS = 10

/** Expected calibration error (Naeini et al. 2015): how far the scores are from the shares of positives, over ten bins of equal width. */
function calibrationError(
  cases: readonly Case[],
  isPositive: (value: Scalar) => boolean
): number | null {
  const bins = Array.from({ length: CALIBRATION_BINS }, () => ({ score: 0, positive: 0 }))
  let n = 0
  for (const { label, score } of cases) {
    if (score === null || score < 0 || score > 1) continue
    const bin = bins[Math.min(CALIBRATION_BINS - 1, Math.floor(score * CALIBRATION_BINS))]
    if (bin === undefined) continue
    n++
    bin.score += score
    if (isPositive(label)) bin.positive++
  }
  const apart = bins.reduce((sum, bin) => sum + Math.abs(bin.score - bin.positive), 0)
  return share(apart, n)
}

/** The area under the ROC curve is the Mann-Whitney statistic as a share of all pairs. */
function areaUnderCurve(high: readonly number[], low: readonly number[]): number | null {
  const outcome = mannWhitney(high, low)
  return outcome.kind === 'ok' ? outcome.statistic / (high.length * low.length) : null
}

function multiclassMetrics(cases: readonly Case[]): Record<string, number | null> {
  const classes = Map.groupBy(cases, (c) => className(c.label))
  const recalls = [...classes.values()].map((group) => 1 - meanOf(errorsOf(group)))
  return {
    accuracy: cases.length === 0 ? null : 1 - meanOf(errorsOf(cases)),
    macroRecall: share(
      recalls.reduce((a, b) => a + b, 0),
      recalls.length
    ),
  }
}

function regressionMetrics(cases: readonly Case[]): Record<string, number | null> {
  const squares = cases.reduce((sum, c) => sum + c.error ** 2, 0)
  const bias = cases.reduce((sum, c) => sum + (c.score ?? 0) - Number(c.label), 0)
  const meanSquare = share(squares, cases.length)
  const labels = cases.map((c) => Number(c.label))
  const center = labels.reduce((sum, label) => sum + label, 0) / (labels.length || 1)
  const spread = labels.reduce((sum, label) => sum + (label - center) ** 2, 0)
  const nonZero = cases.filter((c) => Number(c.label) !== 0)
  const relative = nonZero.reduce((sum, c) => sum + c.error / Math.abs(Number(c.label)), 0)
  return {
    mae: cases.length === 0 ? null : meanOf(errorsOf(cases)),
    rmse: meanSquare === null ? null : Math.sqrt(meanSquare),
    bias: share(bias, cases.length),
    /** Over labels other than 0, where a percentage means something. */
    mape: share(relative, nonZero.length),
    r2: spread === 0 ? null : 1 - squares / spread,
  }
}

function detectChange(history: readonly Case[], from: number): QualityReport['conceptDrift'] {
  const adwin = createAdwin()
  const pageHinkley = createPageHinkley()
  let adwinAt: number | null = null
  let pageHinkleyAt: number | null = null
  for (const { at, error } of history) {
    if (adwin.update(error) === 'drift' && at >= from) adwinAt ??= at
    if (pageHinkley.update(error) === 'drift' && at >= from) pageHinkleyAt ??= at
  }
  return {
    detected: adwinAt !== null || pageHinkleyAt !== null,
    detectors: [
      { name: 'ADWIN', at: adwinAt },
      { name: 'Page-Hinkley', at: pageHinkleyAt },
    ],
  }
}

const share = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole)
const errorsOf = (cases: readonly Case[]): number[] => cases.map((c) => c.error)
