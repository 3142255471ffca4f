import type {
  DriftReport,
  DriftReportHead,
  Monitor,
  MonitoringChange,
  MonitorSpec,
  QualityReport,
} from '@trestle/contract'
import type { Clock } from '../../../kernel/clock.ts'
import { messageOf } from '../../../kernel/errors.ts'
import { sortableId } from '../../../kernel/ids.ts'
import { fail } from '../../../platform/errors.ts'
import type { Logger } from '../../../platform/telemetry/logger.ts'
import type { Alerts } from '../alerts/alerts.ts'
import { toColumns } from '../drift/column-values.ts'
import { evaluateWindow, type WindowVerdict } from '../drift/evaluate-window.ts'
import { buildReference, type Reference } from '../drift/reference.ts'
import type { InferenceLog } from '../inference-log/inference-log.ts'
import type { LabelStore } from '../labels/store.ts'
import { parseCsv } from './csv.ts'
import { createQualityWatch } from './quality-watch.ts'
import {
  bodyOf,
  referenceOf,
  specOf,
  type MonitorRow,
  type MonitorStore,
  type ReportRow,
} from './store.ts'
import {
  filterOf,
  latestWindow,
  nextWindow,
  sampleBetween,
  SETTLE_MS,
  type Window,
} from './windows.ts'

/** A monitor that fell behind catches up by this many windows a turn. */
const WINDOWS_A_TURN = 20

/** Watches endpoints: keeps definitions and references, judges window after window, stores reports, raises and resolves alerts. */
export function createMonitors(deps: {
  store: MonitorStore
  labels: LabelStore
  log: InferenceLog
  alerts: Alerts
  clock: Clock
  logger: Logger
  endpointId: (project: string, endpoint: string) => string | null
  onReport: (report: DriftReportHead & { project: string }) => void
}) {
  const { store, log, alerts, clock } = deps
  const quality = createQualityWatch(deps)
  // One evaluation at a time: the scheduler's and an operator's would else judge the same window.
  let turn: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const next = turn.then(work, work)
    turn = next.catch(() => undefined)
    return next
  }

  const get = async (project: string, name: string): Promise<MonitorRow> => {
    const row = await store.find(project, name)
    if (row === undefined) throw fail('monitoring.monitor_not_found', `No monitor "${name}"`)
    return row
  }

  async function put(project: string, spec: MonitorSpec): Promise<MonitorRow> {
    const now = clock.now()
    const known = await store.find(project, spec.name)
    const isSame = known?.spec_json === JSON.stringify(spec)
    if (known !== undefined && isSame) return known
    const keepsReference =
      known !== undefined &&
      JSON.stringify(watchedBy(specOf(known))) === JSON.stringify(watchedBy(spec))
    const row: MonitorRow = {
      ...(known !== undefined && keepsReference
        ? known
        : {
            generation: (known?.generation ?? 0) + 1,
            cursor_at: now,
            cursor_id: '',
            state: 'waiting' as const,
            summary: 'Waiting for the reference.',
            last_evaluated_at: null,
            ...(await givenReference(spec, now)),
          }),
      project,
      name: spec.name,
      endpoint: spec.endpoint,
      spec_json: JSON.stringify(spec),
      created_at: known?.created_at ?? now,
      updated_at: now,
    }
    await store.put(row)
    return row
  }

  /** The reference, built when it can be: at once for a data set, when its time is over for a window, when they are there for first rows. */
  async function prepare(monitor: MonitorRow, spec: MonitorSpec): Promise<MonitorRow | null> {
    if (monitor.reference_json !== null) return monitor
    const found = await referenceRows(monitor, spec)
    if (found === null) return null
    const change = {
      ...toReferenceColumns(found.reference, clock.now()),
      ...found.cursor,
      state: 'waiting' as const,
      summary: 'The reference is there; waiting for the first window.',
    }
    return (await store.update(monitor, change)) ? { ...monitor, ...change } : null
  }

  async function referenceRows(monitor: MonitorRow, spec: MonitorSpec) {
    const source = spec.reference
    const filter = filterOf(monitor, spec)
    if (source.kind === 'window') {
      if (source.to > clock.now() - SETTLE_MS) return null
      const rows = await sampleBetween(log, filter, source)
      if (rows.length < spec.minimumRows) return null
      const span = { rows: rows.length, from: source.from, to: source.to }
      return { reference: buildReference(toColumns(rows), span), cursor: {} }
    }
    if (source.kind !== 'first') return null
    const rows = await log.rows({
      filter: { ...filter, from: monitor.cursor_at, to: clock.now() - SETTLE_MS },
      order: 'oldest',
      after: null,
      limit: source.rows,
    })
    const last = rows.at(-1)
    if (last === undefined || rows.length < source.rows) return null
    const span = { rows: rows.length, from: rows[0]?.at ?? last.at, to: last.at + 1 }
    const cursor =
      spec.window.kind === 'rows'
        ? { cursor_at: last.at, cursor_id: last.predictionId }
        : { cursor_at: last.at + 1, cursor_id: '' }
    return { reference: buildReference(toColumns(rows), span), cursor }
  }

  async function report(
    monitor: MonitorRow,
    spec: MonitorSpec,
    judged: { window: Window; trigger: 'scheduled' | 'manual'; reference: Reference }
  ): Promise<DriftReport | null> {
    const { window, trigger, reference } = judged
    const verdict = evaluateWindow(reference, window.rows, spec)
    const judgedQuality = await quality.judge(
      { monitor, spec, reference },
      { from: window.from, to: window.to, predictions: window.rows.length }
    )
    const now = clock.now()
    const made = toReport(monitor, { verdict, quality: judgedQuality, window, trigger, now })
    const change = {
      ...window.next,
      state: verdict.state,
      summary: verdict.summary,
      last_evaluated_at: now,
    }
    if (!(await store.addReport(toReportRow(monitor, made), monitor, change))) return null
    deps.onReport({ ...made, project: monitor.project })
    if (trigger === 'scheduled') await tellAlerts(monitor, spec, made)
    return made
  }

  async function tellAlerts(monitor: MonitorRow, spec: MonitorSpec, made: DriftReport) {
    const { drifted, of } = spec.alertWhen
    const latest = await store.latestWindows(monitor, of)
    const bad = latest.filter((window) => window.state === 'drift')
    const about = { project: monitor.project, endpoint: spec.endpoint, monitor: monitor.name }
    if (bad.length >= drifted) {
      const columns = made.driftedColumns.length > 0 ? made.driftedColumns : columnsOf(bad[0])
      await alerts.raise({
        ...about,
        kind: 'drift',
        severity: 'ticket',
        title: `Drift on ${spec.endpoint}: ${columns.slice(0, 5).join(', ')}`,
        summary: `${bad.length} of the last ${latest.length} windows drifted. ${made.summary}`,
        columns,
        reportId: made.id,
      })
    } else if (made.state === 'ok') await alerts.resolve({ ...about, kind: 'drift' })
    await quality.tell(monitor, spec)
  }

  /** Judges the windows of a monitor that are complete. */
  async function catchUp(row: MonitorRow): Promise<DriftReport[]> {
    const spec = specOf(row)
    let monitor = await prepare(row, spec)
    const reports: DriftReport[] = []
    const reference = monitor === null ? null : referenceOf(monitor)
    for (let i = 0; i < WINDOWS_A_TURN && monitor !== null && reference !== null; i++) {
      const window = await nextWindow(log, monitor, { spec, now: clock.now() })
      if (window === null) break
      const made = await report(monitor, spec, { window, trigger: 'scheduled', reference })
      if (made === null) break
      reports.push(made)
      monitor = { ...monitor, ...window.next }
    }
    if (monitor !== null && reference !== null) await quality.revisit({ monitor, spec, reference })
    return reports
  }

  return {
    get,
    list: (project: string, endpoint: string | undefined) => store.list({ project, endpoint }),
    put: (project: string, spec: MonitorSpec) => inTurn(() => put(project, spec)),
    delete: (project: string, name: string) =>
      inTurn(async () => {
        const row = await get(project, name)
        await store.delete(project, name)
        const about = { project, endpoint: row.endpoint, monitor: name }
        await alerts.resolve({ ...about, kind: 'drift' })
        await alerts.resolve({ ...about, kind: 'quality' })
      }),
    /** Evaluates what is due, or else the latest rows. Empty while the reference is not there. */
    evaluate: (project: string, name: string): Promise<DriftReport[]> =>
      inTurn(async () => {
        const due = await catchUp(await get(project, name))
        if (due.length > 0) return due
        const monitor = await get(project, name)
        const reference = referenceOf(monitor)
        if (reference === null) return []
        const spec = specOf(monitor)
        const window = await latestWindow(log, monitor, { spec, now: clock.now() })
        const made = await report(monitor, spec, { window, trigger: 'manual', reference })
        return made === null ? [] : [made]
      }),
    /** One turn of the scheduler: every monitor. One that fails says so and keeps no other from its turn. */
    async evaluateDue(signal: AbortSignal): Promise<void> {
      for (const row of await store.list({})) {
        if (signal.aborted) return
        await inTurn(async () => {
          const current = await store.find(row.project, row.name)
          if (current !== undefined) await catchUp(current)
        }).catch(async (error: unknown) => {
          deps.logger.error({ err: error, monitor: row.name }, 'a monitor could not be evaluated')
          const summary = `The last evaluation failed: ${messageOf(error)}`
          await store.update(row, { state: 'failed', summary })
        })
      }
    },
    async apply(
      project: string,
      specs: readonly MonitorSpec[],
      options: { prune: boolean; dryRun: boolean }
    ): Promise<MonitoringChange[]> {
      const known = new Map((await store.list({ project })).map((row) => [row.name, row]))
      const changes: MonitoringChange[] = []
      for (const spec of specs) {
        const row = known.get(spec.name)
        known.delete(spec.name)
        const isSame = row?.spec_json === JSON.stringify(spec)
        const kind = row === undefined ? 'create' : isSame ? 'unchanged' : 'update'
        changes.push({ kind, subject: `monitor ${spec.name}`, detail: `on ${spec.endpoint}` })
        if (!options.dryRun && !isSame) await inTurn(() => put(project, spec))
      }
      for (const name of options.prune ? known.keys() : []) {
        changes.push({ kind: 'delete', subject: `monitor ${name}`, detail: 'not declared' })
        if (!options.dryRun) await this.delete(project, name)
      }
      return changes
    },
  }
}
export type Monitors = ReturnType<typeof createMonitors>

/** What the reference and the windows depend on: a change of it starts the monitor anew. */
const watchedBy = (spec: MonitorSpec) => [spec.endpoint, spec.variant, spec.reference, spec.window]

async function givenReference(spec: MonitorSpec, now: number) {
  const source = spec.reference
  if (source.kind !== 'dataset' && source.kind !== 'csv')
    return { reference_json: null, reference_rows: null, reference_at: null }
  const rows = source.kind === 'dataset' ? source.rows : parseCsv(source.text)
  if (rows.length < spec.minimumRows)
    throw fail(
      'request.invalid',
      `The reference has ${rows.length} rows; at least ${spec.minimumRows} are needed`
    )
  const columns = toColumns(rows.map((row) => ({ inputs: row, outputs: {} })))
  const about = { rows: rows.length, from: null, to: null }
  return toReferenceColumns(buildReference(columns, about), now)
}

const toReferenceColumns = (reference: Reference, now: number) => ({
  reference_json: JSON.stringify(reference),
  reference_rows: reference.rows,
  reference_at: now,
})

const columnsOf = (window: { drifted_json: string } | undefined): string[] =>
  window === undefined ? [] : (JSON.parse(window.drifted_json) as string[]) // written by this module

function toReport(
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

const toReportRow = (monitor: MonitorRow, report: DriftReport): ReportRow => ({
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
  driftedColumns: columnsOf(row),
  summary: row.summary,
  createdAt: row.created_at,
})

export const toDriftReport = (row: ReportRow): DriftReport => ({
  ...toReportHead(row),
  ...bodyOf(row),
})

export function toMonitor(row: MonitorRow): Monitor {
  const spec = specOf(row)
  return {
    spec: { ...spec, reference: { kind: spec.reference.kind, detail: describe(spec) } },
    state: row.state,
    summary: row.summary,
    referenceRows: row.reference_rows,
    referenceAt: row.reference_at,
    lastEvaluatedAt: row.last_evaluated_at,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

function describe(spec: MonitorSpec): string {
  const source = spec.reference
  switch (source.kind) {
    case 'window':
      return `from ${new Date(source.from).toISOString()} to ${new Date(source.to).toISOString()}`
    case 'first':
      return `the first ${source.rows} rows after the monitor was made`
    case 'dataset':
      return `${source.rows.length} rows given`
    case 'csv':
      return 'a CSV file given'
  }
}
