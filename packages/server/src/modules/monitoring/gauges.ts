import { Counter, Gauge, type Registry } from 'prom-client'
import type { DriftReportHead, MonitorState } from '@trestle/contract'

const STATES: readonly MonitorState[] = ['waiting', 'insufficient', 'ok', 'drift', 'failed']

/** What Prometheus learns. Labels are monitors and states, both few; columns stay in the reports. */
export function createGauges(deps: {
  registry: Registry
  pending: () => number
  dropped: () => number
}) {
  const registers = [deps.registry]
  const state = new Gauge({
    name: 'trestle_monitor_state',
    help: '1 for the state that the latest window of a monitor has',
    labelNames: ['project', 'endpoint', 'monitor', 'state'],
    registers,
  })
  const drifted = new Gauge({
    name: 'trestle_monitor_drifted_columns',
    help: 'Columns that drifted in the latest window',
    labelNames: ['project', 'endpoint', 'monitor'],
    registers,
  })
  const alerts = new Counter({
    name: 'trestle_alerts_raised_total',
    help: 'Alerts raised',
    labelNames: ['kind', 'severity'],
    registers,
  })
  new Gauge({
    name: 'trestle_inference_log_pending',
    help: 'Predictions that wait for the disk',
    registers,
    collect() {
      this.set(deps.pending())
    },
  })
  new Gauge({
    name: 'trestle_inference_log_dropped_total',
    help: 'Predictions that were not logged because the disk could not keep up',
    registers,
    collect() {
      this.set(deps.dropped())
    },
  })
  return {
    report(report: DriftReportHead & { project: string }): void {
      const { project, endpoint, monitor } = report
      for (const name of STATES)
        state.set({ project, endpoint, monitor, state: name }, name === report.state ? 1 : 0)
      drifted.set({ project, endpoint, monitor }, report.driftedColumns.length)
    },
    alert: (alert: { kind: string; severity: string }) =>
      alerts.inc({ kind: alert.kind, severity: alert.severity }),
    forget(at: { project: string; endpoint: string; monitor: string }): void {
      for (const name of STATES) state.remove({ ...at, state: name })
      drifted.remove(at)
    },
  }
}
