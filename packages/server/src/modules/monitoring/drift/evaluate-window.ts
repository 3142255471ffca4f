import type { ColumnReport, MonitorSpec } from '@trestle/contract'
import { toColumns } from './column-values.ts'
import { compareColumn, noComparison } from './compare-column.ts'
import { readAs } from './current-column.ts'
import { matchColumns } from './match-columns.ts'
import { judgeColumns, summarise } from './judge-columns.ts'
import type { PredictionRow } from '../inference-log/prediction-row.ts'
import type { Reference } from './reference.ts'

export type WindowVerdict = Readonly<{
  state: 'ok' | 'drift' | 'insufficient'
  /** Worst first. */
  columns: readonly ColumnReport[]
  drifted: readonly string[]
  summary: string
}>

/** Judges a window against the reference, every column by `judgeColumns`. A small window is `insufficient`, never `ok`. */
export function evaluateWindow(
  reference: Reference,
  rows: readonly Pick<PredictionRow, 'inputs' | 'outputs'>[],
  spec: MonitorSpec
): WindowVerdict {
  if (rows.length < spec.minimumRows)
    return {
      state: 'insufficient',
      columns: [],
      drifted: [],
      summary: `${rows.length} rows in the window; at least ${spec.minimumRows} are needed to say anything.`,
    }
  const matches = matchColumns(reference, toColumns(rows), { rows: rows.length, spec })
  const facts = matches.map((match) =>
    match.kind === 'pair'
      ? compareColumn(match.reference, readAs(match.reference.kind, match.current), spec)
      : noComparison(match, spec)
  )
  const columns = judgeColumns(facts, spec)
  const drifted = columns.filter((column) => column.state === 'drift')
  const known = columns.filter((column) => column.state !== 'insufficient')
  const state = drifted.length > 0 ? 'drift' : known.length === 0 ? 'insufficient' : 'ok'
  return {
    state,
    columns,
    drifted: drifted.map((column) => column.column),
    summary: summarise(columns, rows.length),
  }
}
