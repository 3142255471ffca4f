import { AppError } from '../../kernel/errors.ts'
import type { LoggedColumn, Scorer } from '../serving/index.ts'
import { sliceValues, type Values } from './column-buffers.ts'

export type Scored = Readonly<{
  outputs: readonly LoggedColumn[]
  errors: ReadonlyMap<number, string>
}>

type Table = { rows: number; columns: ReadonlyMap<string, Values> }

/**
 * Scores rows together and, where that fails, by halves, until the rows that fail stand alone with their reason. Throws what is no row's fault.
 * Null when every row failed.
 */
export async function scoreRows(
  score: (table: Table) => ReturnType<Scorer['score']>,
  table: Table
): Promise<Scored | { outputs: null; errors: ReadonlyMap<number, string> }> {
  try {
    return { outputs: await score(table), errors: new Map() }
  } catch (error) {
    if (!isRowsFault(error)) throw error
    if (table.rows === 1) return { outputs: null, errors: new Map([[0, error.message]]) }
  }
  const half = table.rows >> 1
  const first = await scoreRows(score, part(table, 0, half))
  const second = await scoreRows(score, part(table, half, table.rows))
  const errors = new Map(first.errors)
  for (const [row, reason] of second.errors) errors.set(row + half, reason)
  const some = first.outputs ?? second.outputs
  if (some === null) return { outputs: null, errors }
  const outputs = some.map((column, i) => ({
    ...column,
    values: joined(
      { values: first.outputs?.[i]?.values, rows: half },
      { values: second.outputs?.[i]?.values, rows: table.rows - half }
    ),
  }))
  return { outputs, errors }
}

const isRowsFault = (error: unknown): error is AppError =>
  error instanceof AppError &&
  (error.code === 'request.invalid' || error.code === 'serving.model_failed')

const part = ({ columns }: Table, from: number, to: number): Table => ({
  rows: to - from,
  columns: new Map([...columns].map(([name, values]) => [name, sliceValues(values, from, to)])),
})

type Half = { values: LoggedColumn['values'] | undefined; rows: number }

/** Two halves of a column in the class that they have; what stands in rows that failed does not count. */
function joined(first: Half, second: Half): LoggedColumn['values'] {
  const made = first.values ?? second.values
  if (
    made instanceof Float32Array ||
    made instanceof Float64Array ||
    made instanceof BigInt64Array
  ) {
    const Kind = made.constructor as new (length: number) => Float32Array
    const values = new Kind(first.rows + second.rows)
    values.set((first.values ?? []) as Float32Array)
    values.set((second.values ?? []) as Float32Array, first.rows)
    return values
  }
  return [first, second].flatMap(({ values, rows }) =>
    values === undefined ? new Array<null>(rows).fill(null) : Array.from(values)
  )
}
