import { fail } from '../../../platform/errors.ts'
import type { Caller } from '../caller.ts'
import { checkInputs } from '../check-inputs.ts'
import { stackRows } from '../named-inputs.ts'
import type { TensorSpec } from '../runtime.ts'
import type { ServedModel } from '../served-model.ts'
import { elementAt, rowsOf, type Tensor } from '../tensor.ts'
import { shapley, type Attribution } from './shapley.ts'

export type ExplainRequest = Readonly<{
  rows: readonly unknown[]
  /** Rows that absent features are taken from; empty: one of zeros. */
  background: readonly unknown[]
  /** The output to explain, and which of its columns; null: the last column of the last output of floats, such as the probability of the last class. */
  output: string | null
  index: number | null
  /** Rows that the model may be asked for one explanation. */
  maxRows: number
  deadline: number
  caller: Caller
  isGone: () => boolean
}>

export type Explanation = Readonly<{
  output: string
  index: number
  base: number
  value: number
  method: Attribution['method']
  attributions: Readonly<Record<string, number>>
}>

const ROWS_PER_RUN = 1_024

/** Shapley values of a tabular model's predictions, asked of the model itself. Throws `request.invalid` for models and rows that are no table of numbers. */
export async function explainRows(
  served: ServedModel,
  request: ExplainRequest
): Promise<Explanation[]> {
  const names = featureNames(served)
  const rows = request.rows.map((row, i) => numbersOf(served, row, i))
  const background =
    request.background.length === 0
      ? [names.map(() => 0)]
      : request.background.map((row, i) => numbersOf(served, row, i))
  const seen: { target: { output: string; index: number } | null } = { target: null }

  const score = async (asked: readonly (readonly number[])[]): Promise<number[]> => {
    const values: number[] = []
    for (let from = 0; from < asked.length; from += ROWS_PER_RUN) {
      const part = asked.slice(from, from + ROWS_PER_RUN)
      const { inputs } = checkInputs(served.spec, tensorsOf(served, part))
      const { outputs } = await served.batcher.run({ ...request, inputs, rows: part.length })
      seen.target ??= chooseTarget(outputs, request)
      values.push(...columnOf(outputs, seen.target, part.length))
    }
    return values
  }

  const explanations: Explanation[] = []
  for (const row of rows) {
    const found = await shapley(
      score,
      { row, background },
      { maxRows: request.maxRows, random: repeatable() }
    )
    const { output, index } = seen.target ?? { output: '', index: 0 }
    const { base, value, method, shares } = found
    explanations.push({
      output,
      index,
      base,
      value,
      method,
      attributions: Object.fromEntries(names.map((name, i) => [name, shares[i] ?? 0])),
    })
  }
  return explanations
}

/** The columns' names; those of a single matrix without names are its name and their place. */
function featureNames({ inputs: { inputs, names } }: ServedModel): readonly string[] {
  const width = matrixWidth(inputs)
  const [only = ''] = names
  return width === null || names.length !== 1
    ? names
    : Array.from({ length: width }, (_, i) => `${only}.${i}`)
}

/** Of a model with one input of rows of several numbers. */
function matrixWidth(inputs: readonly TensorSpec[]): number | null {
  const [first, ...others] = inputs
  const [, width = 1, ...inner] = first?.shape ?? []
  return others.length === 0 && inner.length === 0 && width > 1 ? width : null
}

/** The row's features as numbers, in the model's order. */
function numbersOf(served: ServedModel, row: unknown, i: number): number[] {
  const tensors = stackRows(served.inputs, [row], () => undefined)
  const values = tensors.flatMap((tensor) =>
    Array.from({ length: tensor.data.length }, (_, at) => elementAt(tensor, at))
  )
  if (values.length !== featureNames(served).length || values.some((v) => typeof v === 'string'))
    throw fail(
      'request.invalid',
      `row ${i} can't be explained: that takes a model whose inputs are single numbers`
    )
  return values.map(Number)
}

function tensorsOf(served: ServedModel, rows: readonly (readonly number[])[]): Tensor[] {
  const { inputs, names } = served.inputs
  if (names.length === 1 && matrixWidth(inputs) !== null)
    return stackRows(served.inputs, rows, () => undefined)
  const isWhole = (name: string): boolean =>
    inputs.find((input) => input.name === name)?.datatype.includes('INT') === true
  return stackRows(
    served.inputs,
    rows.map((row) =>
      Object.fromEntries(
        names.map((name, i) => [name, isWhole(name) ? Math.round(row[i] ?? 0) : row[i]])
      )
    ),
    () => undefined
  )
}

function chooseTarget(
  outputs: readonly Tensor[],
  { output, index }: Pick<ExplainRequest, 'output' | 'index'>
): { output: string; index: number } {
  const chosen =
    output === null
      ? (outputs.findLast(({ datatype }) => datatype.startsWith('FP')) ??
        outputs.find(({ datatype }) => datatype !== 'BYTES'))
      : outputs.find(({ name }) => name === output)
  if (chosen === undefined || chosen.datatype === 'BYTES')
    throw fail('request.invalid', `The model has no output of numbers "${output ?? ''}"`)
  const width = chosen.data.length / Math.max(1, rowsOf(chosen))
  const at = index ?? width - 1
  if (!Number.isInteger(at) || at < 0 || at >= width)
    throw fail(
      'request.invalid',
      `"${chosen.name}" has ${width} columns, and ${at} is none of them`
    )
  return { output: chosen.name, index: at }
}

function columnOf(
  outputs: readonly Tensor[],
  target: { output: string; index: number },
  rows: number
): number[] {
  const tensor = outputs.find(({ name }) => name === target.output)
  if (tensor === undefined || rowsOf(tensor) !== rows)
    throw fail('request.invalid', 'The model does not give one prediction for each row')
  const width = tensor.data.length / rows
  return Array.from({ length: rows }, (_, row) =>
    Number(elementAt(tensor, row * width + target.index))
  )
}

/** Park and Miller's generator: the same request gets the same answer. */
function repeatable(): () => number {
  let state = 20_261
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
}
