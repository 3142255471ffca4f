import type { MonitorSpec } from '@trestle/contract'
import type { PredictionRow } from '../inference-log/prediction-row.ts'
import { isMissing, toCategory } from './column-values.ts'

/** What drift needs of a row of the log, or of a data set, which has inputs alone. */
export type WatchedRow = Pick<PredictionRow, 'inputs' | 'outputs'> &
  Partial<Pick<PredictionRow, 'variant' | 'entities'>>

type Segments = NonNullable<MonitorSpec['segments']>

/** The rows of each segment, the largest ones first, as many as the monitor says. Rows without a value are in none. */
export function splitRows<R extends WatchedRow>(
  rows: readonly R[],
  segments: Segments
): ReadonlyMap<string, readonly R[]> {
  const groups = new Map<string, R[]>()
  for (const row of rows) {
    const value = valueOf(row, segments)
    if (value === null) continue
    const group = groups.get(value)
    if (group === undefined) groups.set(value, [row])
    else group.push(row)
  }
  const largest = [...groups].toSorted(([a, x], [b, y]) => y.length - x.length || (a < b ? -1 : 1))
  return new Map(largest.slice(0, segments.most))
}

function valueOf(row: WatchedRow, { by, name }: Segments): string | null {
  const value =
    by === 'variant' ? row.variant : (by === 'input' ? row.inputs : row.entities)?.[name ?? '']
  return value === undefined || value === null || isMissing(value) ? null : toCategory(value)
}

/** `variant = v2`, `country = NL`. */
export const segmentName = ({ by, name }: Segments, value: string): string =>
  `${by === 'variant' ? 'variant' : (name ?? '')} = ${value}`
