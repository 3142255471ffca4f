import type { Scalar } from '../../kernel/scalar.ts'
import { fail } from '../../platform/errors.ts'
import { writeElement } from './element.ts'
import type { ModelSpec, TensorSpec } from './runtime.ts'
import { allocate, type Tensor } from './tensor.ts'

/** How a model is fed from named values. */
export type InputPlan = Readonly<{
  inputs: readonly TensorSpec[]
  /** The columns of the one input `[N, F]`, in its order; null when inputs are fed by their own names. */
  stacked: readonly string[] | null
  /** Every name that a row must have. */
  names: readonly string[]
}>

/** Values for names that a row does not have itself, by row. */
export type Fill = (name: string, row: number) => Scalar | null | undefined

/** Plans the inputs of a model. `columns` names the columns of a stacked input; ignored when the model has no such input or another count. */
export function planInputs(spec: ModelSpec, columns: readonly string[] | null): InputPlan {
  const { inputs } = spec
  const [only] = inputs
  const width = only?.shape[1]
  const isStackable =
    only?.shape.length === 2 &&
    inputs.length === 1 &&
    only.datatype !== 'BYTES' &&
    only.shape[1] !== 1
  const isNamedSo = columns?.length === 1 && columns[0] === only?.name
  if (isStackable && columns !== null && !isNamedSo && (width === -1 || width === columns.length))
    return { inputs, stacked: columns, names: columns }
  return { inputs, stacked: null, names: inputs.map((input) => input.name) }
}

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The names of the plan that some row lacks. */
export function missingNames(plan: InputPlan, rows: readonly unknown[]): string[] {
  if (!rows.some(isRecord)) return []
  return plan.names.filter((name) => rows.some((row) => isRecord(row) && !Object.hasOwn(row, name)))
}

/** Tensors from rows of named values (objects) or, for a model with one input, bare values. Throws `request.invalid` naming what is wrong. */
export function stackRows(plan: InputPlan, rows: readonly unknown[], fill: Fill): Tensor[] {
  const [only] = plan.inputs
  if (plan.stacked !== null && only !== undefined && rows.every(isRecord))
    return [stackColumns({ input: only, columns: plan.stacked }, rows, fill)]
  return plan.inputs.map((input) =>
    stackValues(
      input,
      rows.map((row, i) => valueOf({ plan, input, row }, i, fill))
    )
  )
}

function stackColumns(
  target: { input: TensorSpec; columns: readonly string[] },
  rows: readonly Readonly<Record<string, unknown>>[],
  fill: Fill
): Tensor {
  const { input, columns } = target
  const datatype = input.datatype === 'BYTES' ? 'FP32' : input.datatype // planInputs stacks numbers only
  const data = allocate(datatype, rows.length * columns.length)
  const place = { datatype, data }
  let at = 0
  for (const [i, row] of rows.entries()) {
    for (const column of columns) {
      const own = row[column]
      const value = own !== undefined && Object.hasOwn(row, column) ? own : fill(column, i)
      if (value === undefined) throw lacking(column, columns, i)
      if (!writeElement(place, at++, value)) throw misfit({ name: column, datatype }, value, i)
    }
  }
  return { name: input.name, datatype, shape: [rows.length, columns.length], data }
}

function valueOf(
  target: { plan: InputPlan; input: TensorSpec; row: unknown },
  i: number,
  fill: Fill
): unknown {
  const { plan, input, row } = target
  if (isRecord(row)) {
    const value = Object.hasOwn(row, input.name) ? row[input.name] : fill(input.name, i)
    if (value === undefined) throw lacking(input.name, plan.names, i)
    return value
  }
  if (plan.inputs.length !== 1)
    throw fail(
      'request.invalid',
      `row ${i} must be an object with the model's inputs by name: ${plan.names.join(', ')}`
    )
  return row
}

/** Stacks one value per row along a new first axis; a value that has all of the input's axes already is the whole tensor. */
function stackValues(input: TensorSpec, values: readonly unknown[]): Tensor {
  const inner = shapeOf(values[0])
  const isWhole = values.length === 1 && inner.length === input.shape.length && inner.length > 0
  const rank = input.shape.length
  let shape = isWhole ? inner : [values.length, ...inner]
  // A bare value per row also feeds a column [N, 1].
  if (!isWhole && inner.length === 0) while (shape.length < rank) shape = [...shape, 1]
  const count = shape.reduce((product, dim) => product * dim, 1)
  const { name, datatype } = input
  const flat: unknown[] = []
  for (const [i, value] of values.entries()) {
    if (!flatten(value, { inner, depth: 0 }, flat))
      throw fail(
        'request.invalid',
        `"${name}" of row ${i}: nested lists must all have the same lengths`
      )
  }
  if (datatype === 'BYTES') {
    for (const [i, value] of flat.entries())
      if (typeof value !== 'string')
        throw misfit(input, value, Math.floor((i * values.length) / count))
    return { name, datatype, shape, data: flat as string[] } // checked above
  }
  const data = allocate(datatype, count)
  const place = { datatype, data }
  for (const [i, value] of flat.entries())
    if (!writeElement(place, i, value))
      throw misfit(input, value, Math.floor((i * values.length) / count))
  return { name, datatype, shape, data }
}

const MAX_RANK = 16

function shapeOf(value: unknown): number[] {
  const shape: number[] = []
  for (let at = value; Array.isArray(at) && shape.length < MAX_RANK; at = at[0] as unknown)
    shape.push(at.length)
  return shape
}

function flatten(
  value: unknown,
  at: { inner: readonly number[]; depth: number },
  into: unknown[]
): boolean {
  const { inner, depth } = at
  if (depth === inner.length) {
    if (Array.isArray(value)) return false
    into.push(value)
    return true
  }
  if (!Array.isArray(value) || value.length !== inner[depth]) return false
  return value.every((item: unknown) => flatten(item, { inner, depth: depth + 1 }, into))
}

const lacking = (name: string, names: readonly string[], row: number) =>
  fail(
    'request.invalid',
    `column "${name}" is missing from row ${row}; the model takes ${names.slice(0, 50).join(', ')}`,
    { details: { column: name, row } }
  )

function misfit(input: { name: string; datatype: string }, value: unknown, row: number) {
  const shown = JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'bigint' ? String(item) : item
  )
  return fail(
    'request.invalid',
    `column "${input.name}" of row ${row} must be ${input.datatype}, not ${shown.slice(0, 80)}`,
    { details: { column: input.name, row } }
  )
}
