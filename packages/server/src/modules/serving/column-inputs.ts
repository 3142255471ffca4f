import type { Scalar } from '../../kernel/scalar.ts'
import { fail } from '../../platform/errors.ts'
import { writeElement } from './element.ts'
import { stackRows, type InputPlan } from './named-inputs.ts'
import { allocate, type NumericData, type Tensor } from './tensor.ts'

/** Values of one name, one per row. */
export type ColumnValues = ArrayLike<Scalar | null>

/** Many rows by column: the form in which a table is scored. */
export type ColumnRows = Readonly<{ rows: number; columns: ReadonlyMap<string, ColumnValues> }>

/** A model's tensors from whole columns. Throws `request.invalid` naming the first column and row that does not fit. */
export function stackColumnValues(plan: InputPlan, table: ColumnRows): Tensor[] {
  const [only] = plan.inputs
  if (plan.stacked !== null && only !== undefined && only.datatype !== 'BYTES') {
    const { name, datatype } = only
    const width = plan.stacked.length
    const data = allocate(datatype, table.rows * width)
    for (const [at, column] of plan.stacked.entries())
      fill({ datatype, data }, { at, step: width, name: column }, values(table, column))
    return [{ name, datatype, shape: [table.rows, width], data }]
  }
  if (plan.inputs.some(({ datatype, shape }) => datatype === 'BYTES' || shape.length > 2))
    return stackRows(plan, asRows(plan, table), () => undefined)
  return plan.inputs.map(({ name, datatype, shape }) => {
    if (datatype === 'BYTES') throw new Error('text was left to the rows above')
    const data = allocate(datatype, table.rows)
    fill({ datatype, data }, { at: 0, step: 1, name }, values(table, name))
    return { name, datatype, shape: shape.length === 2 ? [table.rows, 1] : [table.rows], data }
  })
}

function values(table: ColumnRows, name: string): ColumnValues {
  const found = table.columns.get(name)
  if (found === undefined)
    throw fail('request.invalid', `column "${name}" is missing`, { details: { column: name } })
  return found
}

function fill(
  place: { datatype: Exclude<Tensor['datatype'], 'BYTES'>; data: NumericData },
  target: { at: number; step: number; name: string },
  from: ColumnValues
): void {
  const { step, name } = target
  let { at } = target
  const { data } = place
  // Numbers of one array class need no look at each: the table was read in the model's own types.
  if (
    (data instanceof Float32Array && from instanceof Float32Array) ||
    (data instanceof Float64Array && from instanceof Float64Array)
  ) {
    for (let row = 0; row < from.length; row++, at += step) data[at] = from[row] ?? 0
    return
  }
  for (let row = 0; row < from.length; row++, at += step) {
    const value = from[row]
    if (!writeElement(place, at, value))
      throw fail(
        'request.invalid',
        `column "${name}" of row ${row} must be ${place.datatype}, not ${String(value).slice(0, 80)}`,
        { details: { column: name, row } }
      )
  }
}

const asRows = (plan: InputPlan, table: ColumnRows): Record<string, unknown>[] => {
  const columns = plan.names.map((name) => [name, values(table, name)] as const)
  return Array.from({ length: table.rows }, (_, row) =>
    Object.fromEntries(columns.map(([name, from]) => [name, from[row]]))
  )
}
