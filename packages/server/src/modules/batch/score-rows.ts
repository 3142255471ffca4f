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
    values: [
      ...valuesOf(first.outputs?.[i], half),
      ...valuesOf(second.outputs?.[i], table.rows - half),
    ],
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

const valuesOf = (
  column: LoggedColumn | undefined,
  rows: number
): LoggedColumn['values'][number][] =>
  column === undefined ? new Array<null>(rows).fill(null) : Array.from(column.values)
