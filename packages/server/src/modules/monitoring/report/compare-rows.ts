import type { ComparedRows, ComparisonOptions, DriftDocument } from '@trestle/contract'
import { toColumns, type ColumnValues } from '../drift/column-values.ts'
import { compareColumn } from '../drift/compare-column.ts'
import { readAs } from '../drift/current-column.ts'
import { buildReference } from '../drift/reference.ts'
import type { InferenceLog } from '../inference-log/inference-log.ts'
import { sampleBetween } from '../monitors/windows.ts'
import { toDocument } from './document.ts'

/** One side, read into columns. */
export type Side = Readonly<{ name: string; rows: number; columns: readonly ColumnValues[] }>

/** Live answers of a window (of very many an even sample), or the rows that were given. */
export async function readSide(
  log: InferenceLog,
  project: string,
  side: ComparedRows
): Promise<Side> {
  if (side.kind === 'rows') {
    const columns = toColumns(side.rows.map((inputs) => ({ inputs, outputs: {} })))
    return { name: side.name, rows: side.rows.length, columns }
  }
  const { endpoint, variant, from, to } = side
  const filter = { project, endpoint, role: 'live', status: 'ok' } as const
  const rows = await sampleBetween(log, variant === null ? filter : { ...filter, variant }, {
    from,
    to,
  })
  return { name: windowName(endpoint, { from, to }), rows: rows.length, columns: toColumns(rows) }
}

export const windowName = (endpoint: string, { from, to }: { from: number; to: number }): string =>
  `${endpoint}, ${minuteOf(from)} to ${minuteOf(to)} UTC`

const minuteOf = (at: number): string => new Date(at).toISOString().slice(0, 16).replace('T', ' ')

/** Compares two sides as a monitor would: the current columns with those of the reference. */
export function compareRows(
  sides: { reference: Side; current: Side; options: ComparisonOptions },
  now: number
): DriftDocument {
  const { reference, current, options } = sides
  const keyOf = ({ name, source }: { name: string; source: string }): string => `${source}:${name}`
  const found = new Map(current.columns.map((column) => [keyOf(column), column]))
  const known = buildReference(reference.columns, { rows: reference.rows, spans: [] }).columns
  const knownKeys = new Set(known.map(keyOf))
  return toDocument({
    createdAt: now,
    reference: { name: reference.name, rows: reference.rows },
    current: { name: current.name, rows: current.rows },
    options,
    facts: known.map((column) => {
      const gone = { ...column, values: new Array<null>(current.rows).fill(null) }
      return compareColumn(column, readAs(column.kind, found.get(keyOf(column)) ?? gone), options)
    }),
    leftOut: current.columns
      .filter((column) => !knownKeys.has(keyOf(column)))
      .map(({ name }) => ({ column: name, because: 'not in the reference' })),
    quality: null,
    segments: [],
  })
}
