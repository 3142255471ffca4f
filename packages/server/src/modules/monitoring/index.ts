/**
 * Watches what is served: the inference log, labels, arm statistics, drift and quality monitors, alerts.
 * Owns every file below `inference-log/` and the tables of tables.ts. Learns of predictions from serving's topic and never calls back.
 * A prediction is counted when it is in the log: at most 100 ms after it was answered.
 */
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Registry } from 'prom-client'
import type { Alert, MonitorState } from '@trestle/contract'
import type { Clock } from '../../kernel/clock.ts'
import type { Component } from '../../platform/component.ts'
import type { Database } from '../../platform/database/index.ts'
import type { DuckDb } from '../../platform/duckdb/index.ts'
import { createTopic, type Topic } from '../../platform/events/topic.ts'
import type { Scheduler } from '../../platform/jobs/scheduler.ts'
import type { Logger } from '../../platform/telemetry/logger.ts'
import type { InferenceCompleted } from '../serving/index.ts'
import { createAlertActions, type ActOnAlert } from './alerts/actions.ts'
import { createAlerts } from './alerts/alerts.ts'
import { send, type Send } from './alerts/send.ts'
import { createAlertStore } from './alerts/store.ts'
import { createArms, type ArmKey, type ArmStats, type ShadowComparison } from './arms/arms.ts'
import { readCheckpoint, writeCheckpoint } from './arms/checkpoint.ts'
import { KEPT_MS } from './arms/timeline.ts'
import { createGauges } from './gauges.ts'
import { createInferenceLog } from './inference-log/inference-log.ts'
import type { LoggedInference } from './inference-log/record.ts'
import { addLabelImport } from './labels/import-routes.ts'
import { createLabels, type Labels } from './labels/labels.ts'
import { createRecentRows } from './labels/recent-rows.ts'
import { createLabelStore } from './labels/store.ts'
import type { ReferenceFiles } from './monitors/reference-files.ts'
import { createMonitors, type Monitors } from './monitors/monitors.ts'
import { createMonitorStore } from './monitors/store.ts'
import { createNotices, type Notice } from './notices/notices.ts'
import { createNoticeStore } from './notices/store.ts'
import { addMonitoringRoutes } from './routes.ts'
import { createLogSettings } from './settings.ts'

export { monitoringMigrations } from './migrations/index.ts'
export type { ActOnAlert } from './alerts/actions.ts'
export type { ReferenceFile, ReferenceFiles } from './monitors/reference-files.ts'
export type { ArmKey, ArmStats, LoggedInference, ShadowComparison }

/** The worst of an endpoint's monitors, by their latest windows. `unknown`: there is no monitor, or none has had a window yet. */
export type DriftState = Readonly<{
  state: MonitorState | 'unknown'
  monitors: readonly Readonly<{
    name: string
    state: MonitorState
    summary: string
    evaluatedAt: number | null
  }>[]
}>

export type PredictionsFollowed = Readonly<{
  /** Which log the sequence numbers are of. */
  logId(): string
  /** Told of every prediction once it is on disk, in order; `sequence` null for one that the disk could not take. */
  readonly logged: Topic<LoggedInference>
  /** Events with a sequence above `after`, as far as the log still holds them raw. */
  replay(after: number): AsyncGenerator<LoggedInference>
  /** Keeps the log from forgetting raw events above the cursor of `reader`. */
  holdBack(reader: string, cursor: () => number): void
  /** Resolves when all that was answered before is on disk and told of. */
  flush(): Promise<void>
}>

export interface Monitoring extends Component {
  routes(app: FastifyInstance): void
  /** Facts of one arm since `from`, from memory; of an arm that never answered, zeros. */
  arm(q: ArmKey & { from: number }): Promise<ArmStats>
  comparison(q: {
    endpointId: string
    primary: string
    shadow: string
    from: number
  }): Promise<ShadowComparison>
  drift(endpointId: string): Promise<DriftState>
  /** Every monitor of a project, with the endpoint that it watches. */
  listMonitors(project: string): Promise<
    readonly Readonly<{
      name: string
      endpoint: string
      state: MonitorState
      summary: string
      createdAt: number
      evaluatedAt: number | null
    }>[]
  >
  /** Who gave which predictions; those that are not in the log, or not yet, are left out. */
  findPredictions(
    project: string,
    predictionIds: readonly string[]
  ): Promise<ReadonlyMap<string, { endpointId: string; variant: string; at: number }>>
  readonly alertRaised: Topic<Alert & { project: string }>
  /** Tells the project's receivers of something that happened, with retries and a record of each delivery. Written down when it returns. */
  notify(notice: Notice): Promise<void>
  /** For readers that account for every prediction exactly once. */
  readonly predictions: PredictionsFollowed
  readonly labels: Pick<Labels, 'put'>
  readonly monitors: Pick<Monitors, 'put' | 'evaluate' | 'apply'>
}

/** Predictions that are looked up in the log by one query. */
const IDS_AT_ONCE = 500
const MAINTAIN_EVERY_MS = 10_000
const EVALUATE_EVERY_MS = 5_000
const JOIN_EVERY_MS = 1_000
const DELIVER_EVERY_MS = 2_000

export function createMonitoring(deps: {
  database: Database
  clock: Clock
  log: Logger
  scheduler: Scheduler
  metrics: Registry
  dataDir: string
  duckdb: DuckDb
  completed: Topic<InferenceCompleted>
  /** Training sets that a monitor's reference may name. */
  files: ReferenceFiles
  /** What monitors have alerts do. */
  actOnAlert: ActOnAlert
  /** How alerts leave; over HTTP or SMTP when left out. */
  send?: Send
}): Monitoring {
  const { clock, scheduler } = deps
  const directory = join(deps.dataDir, 'inference-log')
  const checkpointPath = join(directory, 'arms.json')
  const settings = createLogSettings(deps.database)
  const log = createInferenceLog({
    directory,
    clock,
    log: deps.log,
    duckdb: deps.duckdb,
    settingsOf: (project, endpoint) => settings.of(project, endpoint),
    retentionDaysOf: (project, endpoint) => settings.of(project, endpoint).retentionDays,
  })
  const arms = createArms({ clock })
  const recent = createRecentRows()
  const labelStore = createLabelStore(deps.database)
  const labels = createLabels({ store: labelStore, log, arms, recent, clock })
  const alertRaised = createTopic<Alert & { project: string }>('alert.raised', (error) =>
    deps.log.error({ err: error }, 'a listener to alerts failed')
  )
  const alertStore = createAlertStore(deps.database)
  const alerts = createAlerts({
    store: alertStore,
    clock,
    send: deps.send ?? send,
    raised: alertRaised,
  })
  const alertActions = createAlertActions({ store: alertStore, act: deps.actOnAlert, clock })
  const gauges = createGauges({
    registry: deps.metrics,
    pending: () => log.state().pending,
    dropped: () => log.state().dropped,
  })
  const noticeStore = createNoticeStore(deps.database)
  const notices = createNotices({
    store: noticeStore,
    receivers: (project) => alertStore.receivers(project),
    clock,
    send: deps.send ?? send,
  })
  alertRaised.subscribe((alert) => gauges.alert(alert))
  const monitorStore = createMonitorStore(deps.database)
  const monitors = createMonitors({
    store: monitorStore,
    labels: labelStore,
    log,
    alerts,
    files: deps.files,
    duckdb: deps.duckdb,
    clock,
    logger: deps.log,
    endpointId: (project, endpoint) => arms.endpointId(project, endpoint),
    onReport: (report) => gauges.report(report),
  })

  let checkpointed = 0
  let unsubscribe: (() => void) | null = null
  log.holdBack('arms', () => checkpointed)

  async function checkpoint(): Promise<void> {
    const sequence = log.state().lastCommitted
    if (sequence === checkpointed) return
    await writeCheckpoint(checkpointPath, { logId: log.id(), sequence, state: arms.save() })
    checkpointed = sequence
  }

  /** Counts what the log holds since the checkpoint, and remembers the rest of it for labels. */
  async function recount(): Promise<void> {
    const saved = await readCheckpoint(checkpointPath, log.id())
    if (saved !== null) {
      arms.load(saved.state)
      checkpointed = saved.sequence
    }
    for await (const entry of log.replay(0)) {
      if (entry.sequence !== null && entry.sequence > checkpointed) arms.observe(entry)
      recent.observe(entry.event)
    }
    await labels.restore(clock.now() - KEPT_MS)
  }

  const comparison: Monitoring['comparison'] = async (q) =>
    arms.comparison(q, q.from, await labelStore.pairedOutcomes(q))

  return {
    name: 'monitoring',
    alertRaised,
    notify: (notice) => notices.notify(notice),
    predictions: {
      logId: () => log.id(),
      logged: log.logged,
      replay: (after) => log.replay(after),
      holdBack: (reader, cursor) => log.holdBack(reader, cursor),
      flush: () => log.flush(),
    },
    labels,
    monitors,
    async findPredictions(project, predictionIds) {
      const found = new Map<string, { endpointId: string; variant: string; at: number }>()
      const missing: string[] = []
      for (const id of new Set(predictionIds)) {
        const row = recent.find(project, id).find(({ predictionId }) => predictionId === id)
        if (row === undefined) missing.push(id)
        else found.set(id, row)
      }
      for (let i = 0; i < missing.length; i += IDS_AT_ONCE) {
        const ids = missing.slice(i, i + IDS_AT_ONCE)
        const rows = await log.rows({
          filter: { project, idsAndShadows: ids, status: 'ok' },
          order: 'oldest',
          after: null,
          limit: ids.length * 10,
        })
        for (const row of rows) if (ids.includes(row.predictionId)) found.set(row.predictionId, row)
      }
      return found
    },
    arm: async (q) => arms.stats(q, q.from),
    comparison,
    async drift(endpointId) {
      const rows = (await monitorStore.list({})).filter(
        (row) => arms.endpointId(row.project, row.endpoint) === endpointId
      )
      return {
        state: worstOf(rows.map((row) => row.state)),
        monitors: rows.map((row) => ({
          name: row.name,
          state: row.state,
          summary: row.summary,
          evaluatedAt: row.last_evaluated_at,
        })),
      }
    },
    async listMonitors(project) {
      return (await monitorStore.list({ project })).map((row) => ({
        name: row.name,
        endpoint: row.endpoint,
        state: row.state,
        summary: row.summary,
        createdAt: row.created_at,
        evaluatedAt: row.last_evaluated_at,
      }))
    },
    routes: (app) => {
      addLabelImport(app, {
        labels,
        duckdb: deps.duckdb,
        temporaryDir: join(deps.dataDir, 'tmp'),
      })
      addMonitoringRoutes(app, {
        clock,
        log,
        settings,
        arms,
        labels,
        labelStore,
        monitors,
        monitorStore,
        alertStore,
        noticeStore,
        comparison,
        onMonitorDeleted: (at) => gauges.forget(at),
      })
    },
    async start() {
      if (unsubscribe !== null) return
      await settings.load()
      await log.open()
      await recount()
      log.logged.subscribe((entry) => {
        arms.observe(entry)
        recent.observe(entry.event)
      })
      unsubscribe = deps.completed.subscribe((event) => log.append(event))
      scheduler.every({
        name: 'inference-log',
        intervalMs: MAINTAIN_EVERY_MS,
        work: async () => {
          await checkpoint()
          await log.maintain({ force: false })
        },
      })
      scheduler.every({
        name: 'labels',
        intervalMs: JOIN_EVERY_MS,
        work: () => labels.joinPending(),
      })
      scheduler.every({
        name: 'monitors',
        intervalMs: EVALUATE_EVERY_MS,
        work: (signal) => monitors.evaluateDue(signal),
      })
      scheduler.every({
        name: 'alert-delivery',
        intervalMs: DELIVER_EVERY_MS,
        work: (signal) => alerts.deliverDue(signal),
      })
      scheduler.every({
        name: 'alert-actions',
        intervalMs: DELIVER_EVERY_MS,
        work: (signal) => alertActions.runDue(signal),
      })
      scheduler.every({
        name: 'notice-delivery',
        intervalMs: DELIVER_EVERY_MS,
        work: (signal) => notices.deliverDue(signal),
      })
    },
    async stop() {
      unsubscribe?.()
      unsubscribe = null
      await log.flush()
      await checkpoint()
      await log.close()
    },
  }
}

const WORST_FIRST = ['drift', 'failed', 'insufficient', 'ok'] as const

function worstOf(states: readonly MonitorState[]): DriftState['state'] {
  return WORST_FIRST.find((state) => states.includes(state)) ?? 'unknown'
}
