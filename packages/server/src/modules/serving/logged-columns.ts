import type { LoggedColumn, NumberTable } from './inference-event.ts'
import type { InputPlan } from './named-inputs.ts'
import { elementAt, rowsOf, type Datatype, type Tensor } from './tensor.ts'

/** A tensor with more values per row is no table: an image or an embedding is not logged. */
const MAX_COLUMNS = 64

/** Tensors as named columns with one value per row. `names` names the columns of a single tensor; otherwise column j of "x" is "x.j". */
export function loggedColumns(
  tensors: readonly Tensor[],
  names: readonly string[] | null
): LoggedColumn[] {
  return tensors.flatMap((tensor) => columnsOf(tensor, tensors.length === 1 ? names : null))
}

/** The columns of one input of floats, as `loggedColumns` would name them; null for any other input. */
export function tableColumns({ inputs, stacked }: InputPlan): NumberTable['columns'] | null {
  const [only] = inputs
  if (stacked === null || (only?.datatype !== 'FP32' && only?.datatype !== 'FP64')) return null
  return stacked.map((name) => ({ name, type: 'float' }))
}

/** Tensors as a table, when they are one input of the columns' width. */
export function numberTable(
  tensors: readonly Tensor[],
  columns: NumberTable['columns'] | null
): NumberTable | null {
  const [only] = tensors
  if (columns === null || only === undefined || tensors.length > 1) return null
  const { data } = only
  if (!(data instanceof Float32Array || data instanceof Float64Array)) return null
  return data.length === rowsOf(only) * columns.length ? { columns, data } : null
}

function columnsOf(tensor: Tensor, names: readonly string[] | null): LoggedColumn[] {
  const rows = rowsOf(tensor)
  const width = rows === 0 ? 0 : tensor.data.length / rows
  if (width > MAX_COLUMNS && width !== names?.length) return []
  const type = KIND[tensor.datatype]
  const columns: LoggedColumn[] = []
  for (let column = 0; column < width; column++) {
    const name =
      names?.[column] ??
      (width === 1 ? tensor.name : `${tensor.name}.${tensor.labels?.[column] ?? column}`)
    columns.push({ name, type, values: pick(tensor, { column, width, rows }) })
  }
  return columns
}

function pick(
  tensor: Tensor,
  at: { column: number; width: number; rows: number }
): LoggedColumn['values'] {
  if (at.width === 1 && isPlain(tensor.datatype)) return tensor.data
  const values = new Array<ReturnType<typeof elementAt>>(at.rows)
  for (let row = 0; row < at.rows; row++)
    values[row] = elementAt(tensor, row * at.width + at.column)
  return values
}

const isPlain = (datatype: Datatype): boolean =>
  datatype !== 'BOOL' && datatype !== 'FP16' && datatype !== 'BF16'

const KIND: Record<Datatype, LoggedColumn['type']> = {
  BOOL: 'bool',
  INT8: 'int',
  INT16: 'int',
  INT32: 'int',
  INT64: 'int',
  UINT8: 'int',
  UINT16: 'int',
  UINT32: 'int',
  UINT64: 'int',
  FP16: 'float',
  BF16: 'float',
  FP32: 'float',
  FP64: 'float',
  BYTES: 'string',
}
