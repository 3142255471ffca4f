import type { ColumnReport, MonitorSpec } from '@trestle/contract'
import { toColumns } from './column-values.ts'
import { compareColumn, noComparison, type ColumnFacts } from './compare-column.ts'
import { readAs } from './current-column.ts'
import { matchColumns } from './match-columns.ts'
import { judgeColumns, nameOf, summarise } from './judge-columns.ts'
import type { Reference } from './reference.ts'
import { segmentName, splitRows, type WatchedRow } from './segments.ts'

export type WindowVerdict = Readonly<{
  state: 'ok' | 'drift' | 'insufficient'
  /** Worst first. */
  columns: readonly ColumnReport[]
  drifted: readonly string[]
  summary: string
}>

/**
 * Judges a window against the reference, every column by `judgeColumns`, those of its segments among them: one family of tests. A small window is
 * `insufficient`, never `ok`; a small segment is left out.
 */
export function evaluateWindow(
  reference: Reference,
  rows: readonly WatchedRow[],
  spec: MonitorSpec
): WindowVerdict {
  if (rows.length < spec.minimumRows)
    return {
      state: 'insufficient',
      columns: [],
      drifted: [],
      summary: `${rows.length} rows in the window; at least ${spec.minimumRows} are needed to say anything.`,
    }
  const facts = compareRows(reference, rows, spec)
  for (const [value, part] of spec.segments === null ? [] : splitRows(rows, spec.segments)) {
    const known = spec.segments?.by === 'variant' ? reference : reference.segments?.[value]
    if (spec.segments === null || known === undefined || part.length < spec.minimumRows) continue
    const segment = segmentName(spec.segments, value)
    facts.push(...compareRows(known, part, spec).map((fact) => ({ ...fact, segment })))
  }
  const columns = judgeColumns(facts, spec)
  const drifted = columns.filter((column) => column.state === 'drift')
  const known = columns.filter((column) => column.state !== 'insufficient')
  const state = drifted.length > 0 ? 'drift' : known.length === 0 ? 'insufficient' : 'ok'
  return {
    state,
    columns,
    drifted: drifted.map(nameOf),
    summary: summarise(columns, rows.length),
  }
}

function compareRows(
  reference: Reference,
  rows: readonly WatchedRow[],
  spec: MonitorSpec
): ColumnFacts[] {
  return matchColumns(reference, toColumns(rows), { rows: rows.length, spec }).map((match) =>
    match.kind === 'pair'
      ? compareColumn(match.reference, readAs(match.reference.kind, match.current), spec)
      : noComparison(match, spec)
  )
}
