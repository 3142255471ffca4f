import { comparisonOptions, type DriftDocument, type DriftReport } from '@trestle/contract'
import { specOf, type MonitorRow } from '../monitors/store.ts'
import { windowName } from './compare-rows.ts'

/** A monitor's report as a document. Of a monitor that is gone, the options are the defaults. */
export function documentOf(report: DriftReport, monitor: MonitorRow | undefined): DriftDocument {
  const spec = monitor === undefined ? null : specOf(monitor)
  const { quality } = report
  return {
    kind: 'trestle.drift-report',
    version: 1,
    createdAt: report.createdAt,
    reference: {
      name: `the reference of ${report.monitor}`,
      rows: monitor?.reference_rows ?? 0,
    },
    current: { name: windowName(report.endpoint, report), rows: report.rows },
    options: comparisonOptions.strip().parse(spec ?? {}),
    state:
      quality?.state === 'worse'
        ? 'drift'
        : report.state === 'ok' || report.state === 'drift'
          ? report.state
          : 'insufficient',
    summary: report.summary,
    driftedColumns: report.driftedColumns,
    columns: report.columnReports,
    leftOut: [],
    quality:
      quality === null
        ? null
        : {
            problem: spec?.quality?.problem ?? 'binary',
            state: quality.state,
            finding: quality.finding,
            metrics: quality.metrics,
            referenceMetrics: quality.referenceMetrics,
          },
    segments: [],
  }
}
