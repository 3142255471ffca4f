import type { DriftReport, DriftReportHead, QualityReport } from '@trestle/contract'
import { sortableId } from '../../../kernel/ids.ts'
import type { WindowVerdict } from '../drift/evaluate-window.ts'
import { bodyOf, type MonitorRow, type ReportRow } from './store.ts'
import type { Window } from './windows.ts'

export function toReport(
  monitor: MonitorRow,
  found: {
    verdict: WindowVerdict
    quality: QualityReport | null
    window: Window
    trigger: 'scheduled' | 'manual'
    now: number
  }
): DriftReport {
  const { verdict, quality, window } = found
  return {
    id: sortableId('drift', found.now),
    monitor: monitor.name,
    endpoint: monitor.endpoint,
    state: verdict.state,
    trigger: found.trigger,
    from: window.from,
    to: window.to,
    rows: window.rows.length,
    columns: verdict.columns.length,
    driftedColumns: [...verdict.drifted],
    summary: verdict.summary,
    createdAt: found.now,
    columnReports: [...verdict.columns],
    quality,
  }
}

export const toReportRow = (monitor: MonitorRow, report: DriftReport): ReportRow => ({
  id: report.id,
  project: monitor.project,
  monitor: monitor.name,
  generation: monitor.generation,
  endpoint: monitor.endpoint,
  state: report.state,
  trigger_kind: report.trigger,
  from_at: report.from,
  to_at: report.to,
  row_count: report.rows,
  column_count: report.columns,
  drifted_json: JSON.stringify(report.driftedColumns),
  summary: report.summary,
  body_json: JSON.stringify({ columnReports: report.columnReports, quality: report.quality }),
  created_at: report.createdAt,
})

/** The parts of a report that lists show. */
export const toReportHead = (row: ReportRow): DriftReportHead => ({
  id: row.id,
  monitor: row.monitor,
  endpoint: row.endpoint,
  state: row.state,
  trigger: row.trigger_kind,
  from: row.from_at,
  to: row.to_at,
  rows: row.row_count,
  columns: row.column_count,
  driftedColumns: driftedIn(row),
  summary: row.summary,
  createdAt: row.created_at,
})

export const toDriftReport = (row: ReportRow): DriftReport => ({
  ...toReportHead(row),
  ...bodyOf(row),
})

export const driftedIn = (row: Pick<ReportRow, 'drifted_json'>): string[] =>
  JSON.parse(row.drifted_json) as string[] // written by this module
