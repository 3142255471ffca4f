import type { Scalar } from '../../kernel/scalar.ts'
import type { LoggedColumn } from '../serving/index.ts'

/**
 * How right a prediction was. `error` is 0 or 1 for a class and the absolute error for a number. A number 0 or 1 beside a score between 0 and 1 may
 * be either (one bike rented in an hour, or a fraud): it is judged as both, with `logLoss` and `squaredError`, and all labels together tell.
 */
export type Judged = Readonly<{
  predicted: Scalar
  error: number
  logLoss: number | null
  squaredError: number | null
}>

const CLAMP = 1e-15

const PAIR = /^(.*?)[[._-]?([01])\]?$/

/** What of some outputs does not change from answer to answer of one model. */
export type OutputFacts = Readonly<{
  /** Their names and types, in the order of the names. */
  schema: string
  /** Where the score and the predicted class are; −1 when there is none. */
  scoreAt: number
  classAt: number
}>

type Shape = Readonly<{ names: readonly string[]; types: readonly string[]; facts: OutputFacts }>

/** As many models answer one after another, as a rule. */
const MAX_SHAPES = 16

/** Finds the facts of outputs, and remembers those of the latest shapes: working them out costs more than all else that is counted of an answer. */
export function createOutputFacts(): (outputs: readonly LoggedColumn[]) => OutputFacts {
  let shapes: Shape[] = []
  return (outputs) => {
    const known = shapes.find((shape) => isOfShape(outputs, shape))
    if (known !== undefined) return known.facts
    const [score, predicted] = [scoreColumn(outputs), predictedClass(outputs)]
    const facts: OutputFacts = {
      schema: outputs
        .map(({ name, type }) => `${name}: ${type}`)
        .toSorted()
        .join(', '),
      scoreAt: score === null ? -1 : outputs.indexOf(score),
      classAt: predicted === null ? -1 : outputs.indexOf(predicted),
    }
    const shape = {
      names: outputs.map(({ name }) => name),
      types: outputs.map(({ type }) => type),
      facts,
    }
    shapes = [shape, ...shapes.slice(0, MAX_SHAPES - 1)]
    return facts
  }
}

function isOfShape(outputs: readonly LoggedColumn[], { names, types }: Shape): boolean {
  if (outputs.length !== names.length) return false
  for (let i = 0; i < names.length; i++)
    if (outputs[i]?.name !== names[i] || outputs[i]?.type !== types[i]) return false
  return true
}

/** The first float output. Of two float columns that are named as the probabilities of class 0 and 1, the one of class 1. */
export function scoreColumn(outputs: readonly LoggedColumn[]): LoggedColumn | null {
  const floats = outputs.filter((column) => column.type === 'float')
  const [first, second] = floats
  if (first === undefined) return null
  if (second === undefined || floats.length !== 2) return first
  const a = PAIR.exec(first.name)
  const b = PAIR.exec(second.name)
  const isPair = a !== null && b !== null && a[1] === b[1] && a[2] === '0' && b[2] === '1'
  return isPair ? second : first
}

/** The first output that is not a float: the predicted class. */
export const predictedClass = (outputs: readonly LoggedColumn[]): LoggedColumn | null =>
  outputs.find((column) => column.type !== 'float') ?? null

/**
 * Judges a prediction by its label. With a class output it is a classification; without one, a label that is a truth value, or 0 or 1 beside a score
 * between 0 and 1, may be a binary classification cut at 0.5; any number may be a regression. Null when nothing can be said (no output, or a word
 * as label beside a bare score).
 */
export function judge(
  prediction: { score: number | null; predicted: Scalar | null },
  label: Scalar
): Judged | null {
  const { score, predicted } = prediction
  const truth = binaryTruth(label)
  const probability = score !== null && score >= 0 && score <= 1 ? score : null
  const logLoss = probability === null || truth === null ? null : logLossOf(probability, truth)
  if (predicted !== null)
    return {
      predicted,
      error: isSameClass(predicted, label) ? 0 : 1,
      logLoss,
      squaredError: null,
    }
  if (score === null || Number.isNaN(score)) return null
  const isNumber = typeof label === 'number' || typeof label === 'bigint'
  const squaredError = isNumber ? (score - Number(label)) ** 2 : null
  if (probability !== null && truth !== null) {
    const guess = probability >= 0.5
    return { predicted: guess, error: guess === truth ? 0 : 1, logLoss, squaredError }
  }
  if (!isNumber) return null
  return { predicted: score, error: Math.abs(score - Number(label)), logLoss: null, squaredError }
}

/** Whether two values name the same class: `1`, `"1"` and `true` do, as labels come from other systems than outputs. */
export const isSameClass = (a: Scalar, b: Scalar): boolean => className(a) === className(b)

export const className = (value: Scalar): string =>
  typeof value === 'boolean' ? (value ? '1' : '0') : String(value)

function binaryTruth(label: Scalar): boolean | null {
  if (typeof label === 'boolean') return label
  if (label === 1 || label === 1n) return true
  return label === 0 || label === 0n ? false : null
}

function logLossOf(probability: number, truth: boolean): number {
  const p = Math.min(1 - CLAMP, Math.max(CLAMP, probability))
  return -Math.log(truth ? p : 1 - p)
}
