import type { DriftReport, DriftReportHead, MonitorSpec } from '@trestle/contract'
import type { Clock } from '../../../kernel/clock.ts'
import type { Alerts } from '../alerts/alerts.ts'
import { evaluateWindow, type WindowVerdict } from '../drift/evaluate-window.ts'
import type { InferenceLog } from '../inference-log/inference-log.ts'
import type { QualityWatch } from './quality-watch.ts'
import type { References } from './references.ts'
import { driftedIn, toReport, toReportRow } from './reports.ts'
import { specOf, type MonitorRow, type MonitorStore } from './store.ts'
import { latestWindow, nextWindow, type Window } from './windows.ts'

/** A monitor that fell behind catches up by this many windows a turn. */
const WINDOWS_A_TURN = 20

const NO_REFERENCE: WindowVerdict = {
  state: 'insufficient',
  columns: [],
  drifted: [],
  summary: 'There are too few rows before this window to compare it with.',
}

/** Judges window after window of a monitor: compares it with the reference, writes the report, raises and resolves alerts. */
export function createJudge(deps: {
  store: MonitorStore
  references: References
  quality: QualityWatch
  log: InferenceLog
  alerts: Alerts
  clock: Clock
  onReport: (report: DriftReportHead & { project: string }) => void
}) {
  const { store, references, quality, log, alerts, clock } = deps

  async function judge(
    monitor: MonitorRow,
    spec: MonitorSpec,
    { window, trigger }: { window: Window; trigger: 'scheduled' | 'manual' }
  ): Promise<DriftReport | null> {
    const reference = await references.ofWindow(monitor, spec, window)
    const verdict = reference === null ? NO_REFERENCE : evaluateWindow(reference, window.rows, spec)
    const judgedQuality = await quality.judgeNew({ monitor, spec }, window)
    const now = clock.now()
    const made = toReport(monitor, { verdict, quality: judgedQuality, window, trigger, now })
    const change = {
      ...window.next,
      state: verdict.state,
      summary: verdict.summary,
      last_evaluated_at: now,
    }
    const profile = trigger === 'scheduled' ? references.profile(spec, window) : null
    if (!(await store.addReport(toReportRow(monitor, made), monitor, { change, profile })))
      return null
    deps.onReport({ ...made, project: monitor.project })
    if (trigger === 'scheduled') await tellAlerts(monitor, spec, made)
    return made
  }

  async function tellAlerts(monitor: MonitorRow, spec: MonitorSpec, made: DriftReport) {
    const { drifted, of } = spec.alertWhen
    const latest = await store.latestWindows(monitor, of)
    const bad = latest.filter((window) => window.state === 'drift')
    const about = { project: monitor.project, endpoint: spec.endpoint, monitor: monitor.name }
    const [newest] = bad
    if (newest !== undefined && bad.length >= drifted) {
      const columns = made.driftedColumns.length > 0 ? made.driftedColumns : driftedIn(newest)
      await alerts.raise({
        ...about,
        kind: 'drift',
        severity: 'ticket',
        title: `Drift on ${spec.endpoint}: ${columns.slice(0, 5).join(', ')}`,
        summary: `${bad.length} of the last ${latest.length} windows drifted. ${made.summary}`,
        columns,
        reportId: made.id,
        onAlert: spec.onAlert,
      })
    } else if (made.state === 'ok') await alerts.resolve({ ...about, kind: 'drift' })
    await quality.tell(monitor, spec)
  }

  return {
    /** Judges the windows of a monitor that are complete. */
    async catchUp(row: MonitorRow): Promise<DriftReport[]> {
      const spec = specOf(row)
      let monitor = await references.prepare(row, spec)
      const reports: DriftReport[] = []
      for (let i = 0; i < WINDOWS_A_TURN && monitor !== null; i++) {
        const window = await nextWindow(log, monitor, { spec, now: clock.now() })
        if (window === null) break
        const made = await judge(monitor, spec, { window, trigger: 'scheduled' })
        if (made === null) break
        reports.push(made)
        monitor = { ...monitor, ...window.next }
      }
      if (monitor !== null) await quality.revisit({ monitor, spec })
      return reports
    },
    /** Judges the latest rows; does not count for alerts. Null while there is nothing to compare with. */
    async judgeLatest(monitor: MonitorRow): Promise<DriftReport | null> {
      const spec = specOf(monitor)
      if ((await references.prepare(monitor, spec)) === null) return null
      const window = await latestWindow(log, monitor, { spec, now: clock.now() })
      return judge(monitor, spec, { window, trigger: 'manual' })
    },
  }
}
