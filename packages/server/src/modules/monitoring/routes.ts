import { api, type Prediction, type Receiver } from '@trestle/contract'
import type { FastifyInstance } from 'fastify'
import type { Clock } from '../../kernel/clock.ts'
import { sortableId } from '../../kernel/ids.ts'
import type { Scalar } from '../../kernel/scalar.ts'
import { fail } from '../../platform/errors.ts'
import { bindRoutes, type Handlers } from '../../platform/http/index.ts'
import { toAlert } from './alerts/alerts.ts'
import { mailOf, toReceiverRow } from './alerts/receiver.ts'
import type { AlertStore, ReceiverRow, SilenceRow } from './alerts/store.ts'
import type { NoticeDeliveryRow, NoticeRow, NoticeStore } from './notices/store.ts'
import type { Arms, ShadowComparison } from './arms/arms.ts'
import type { InferenceLog } from './inference-log/inference-log.ts'
import type { PredictionRow } from './inference-log/prediction-row.ts'
import type { Labels } from './labels/labels.ts'
import type { LabelRow, LabelStore } from './labels/store.ts'
import { toMonitor } from './monitors/monitor-view.ts'
import type { Monitors } from './monitors/monitors.ts'
import { toDriftReport, toReportHead } from './monitors/reports.ts'
import type { MonitorStore } from './monitors/store.ts'
import { compareRows, readSide } from './report/compare-rows.ts'
import { renderPage } from './report/html/page.ts'
import { documentOf } from './report/monitor-document.ts'
import type { LogSettingsTable } from './settings.ts'

type Deps = {
  clock: Clock
  log: InferenceLog
  settings: LogSettingsTable
  arms: Arms
  labels: Labels
  labelStore: LabelStore
  monitors: Monitors
  monitorStore: MonitorStore
  alertStore: AlertStore
  noticeStore: NoticeStore
  comparison: (q: {
    endpointId: string
    primary: string
    shadow: string
    from: number
  }) => Promise<ShadowComparison>
  onMonitorDeleted: (at: { project: string; endpoint: string; monitor: string }) => void
}

type All = Handlers<typeof api.monitoring>

const DAY_MS = 86_400_000

export function addMonitoringRoutes(app: FastifyInstance, deps: Deps): void {
  bindRoutes(
    app,
    { name: 'monitoring', routes: api.monitoring },
    { ...predictionHandlers(deps), ...monitorHandlers(deps), ...alertHandlers(deps) }
  )
}

function predictionHandlers(deps: Deps) {
  const { log, settings, arms, labels, labelStore, clock } = deps
  return {
    listPredictions: async ({ limit, pageToken, id, ...filter }, { project }) => {
      const rows = await log.rows({
        filter: { ...filter, project, ...(id === undefined ? {} : { ids: [id] }) },
        order: 'newest',
        after: pageToken === undefined ? null : readToken(pageToken),
        limit,
      })
      const found = await labelStore.findMany(
        project,
        rows.map((row) => row.predictionId)
      )
      const byId = new Map(found.map((label) => [label.prediction_id, label]))
      const last = rows.at(-1)
      return {
        items: rows.map((row) => toPrediction(row, byId.get(row.predictionId))),
        nextPageToken:
          last === undefined || rows.length < limit ? null : `${last.at}:${last.predictionId}`,
      }
    },
    getLogSettings: async ({ endpoint }, { project }) => settings.of(project, endpoint),
    putLogSettings: async ({ endpoint, ...wanted }, { project }) => {
      await settings.put({ project, endpoint }, wanted)
      return settings.of(project, endpoint)
    },
    getLogState: async () => {
      const { pending, dropped, lastCommitted } = log.state()
      return { pending, dropped, lastCommitted }
    },
    postLabels: (input, { project, principal }) =>
      labels.put({ project, actor: principal.actor }, input.labels),
    getLabel: async ({ predictionId }, { project }) => {
      const label = await labelStore.find(project, predictionId)
      if (label === undefined) throw fail('resource.not_found', `No label for "${predictionId}"`)
      return {
        predictionId,
        value: labelValueOf(label),
        at: label.at,
        receivedAt: label.received_at,
        by: label.actor,
        isJoined: label.joined === 1,
        history: (await labelStore.history(project, predictionId)).map((change) => ({
          value: labelValueOf(change),
          at: change.at,
          replacedAt: change.replaced_at,
          replacedBy: change.replaced_by,
        })),
      }
    },
    getLabelCoverage: async ({ endpoint, from }, { project }) => {
      const endpointId = arms.endpointId(project, endpoint)
      if (endpointId === null) return { items: [] }
      const since = Math.max(from ?? 0, clock.now() - DAY_MS)
      const labelled = await labelStore.coverage({ endpointId, from: since })
      return {
        items: arms.keysOf(endpointId).map((key) => {
          const { rows } = arms.stats(key, since)
          const own = labelled.filter((l) => l.variant === key.variant && l.role === key.role)
          const lags = own.map((l) => l.received_at - l.prediction_at).toSorted((a, b) => a - b)
          return {
            variant: key.variant,
            role: key.role,
            predictions: rows,
            labelled: own.length,
            coverage: rows === 0 ? null : Math.min(1, own.length / rows),
            lagMs: lags.length === 0 ? null : { median: at(lags, 0.5), p90: at(lags, 0.9) },
          }
        }),
      }
    },
    listArms: async ({ endpoint, from }, { project }) => {
      const endpointId = arms.endpointId(project, endpoint)
      const keys = endpointId === null ? [] : arms.keysOf(endpointId)
      const since = from ?? clock.now() - DAY_MS
      return { items: keys.map((key) => arms.stats(key, since)) }
    },
    getComparison: async ({ endpoint, primary, shadow, from }, { project }) => {
      const endpointId = arms.endpointId(project, endpoint)
      if (endpointId === null)
        throw fail('resource.not_found', `No predictions of endpoint "${endpoint}" yet`)
      const since = from ?? clock.now() - DAY_MS
      return deps.comparison({ endpointId, primary, shadow, from: since })
    },
  } satisfies Partial<All>
}

function monitorHandlers(deps: Deps) {
  const { monitors, monitorStore } = deps
  return {
    listMonitors: async ({ endpoint }, { project }) => ({
      items: (await monitors.list(project, endpoint)).map(toMonitor),
    }),
    getMonitor: async ({ name }, { project }) => toMonitor(await monitors.get(project, name)),
    putMonitor: async (spec, { project }) => toMonitor(await monitors.put(project, spec)),
    deleteMonitor: async ({ name }, { project }) => {
      const { endpoint } = await monitors.get(project, name)
      await monitors.delete(project, name)
      deps.onMonitorDeleted({ project, endpoint, monitor: name })
      return {}
    },
    evaluateMonitor: async ({ name }, { project }) => ({
      reports: await monitors.evaluate(project, name),
      monitor: toMonitor(await monitors.get(project, name)),
    }),
    apply: async ({ monitors: specs, ...options }, { project }) => ({
      changes: await monitors.apply(project, specs, options),
    }),
    listDrift: async ({ limit, pageToken, ...filter }, { project }) => {
      const rows = await monitorStore.reports({ ...filter, project, before: pageToken, limit })
      return {
        items: rows.map(toReportHead),
        nextPageToken: rows.length === limit ? (rows.at(-1)?.id ?? null) : null,
      }
    },
    getDrift: async ({ id }, { project }) => {
      const row = await monitorStore.report(project, id)
      if (row === undefined) throw fail('resource.not_found', `No drift report "${id}"`)
      return toDriftReport(row)
    },
    getDriftPage: async ({ id }, { project }) => {
      const row = await monitorStore.report(project, id)
      if (row === undefined) throw fail('resource.not_found', `No drift report "${id}"`)
      const report = toDriftReport(row)
      const monitor = await monitorStore.find(project, report.monitor)
      return { html: renderPage(documentOf(report, monitor)) }
    },
    compareDrift: async ({ reference, current, options }, { project }) => {
      const report = compareRows(
        {
          reference: await readSide(deps.log, project, reference),
          current: await readSide(deps.log, project, current),
          options,
        },
        deps.clock.now()
      )
      return { report, html: renderPage(report) }
    },
  } satisfies Partial<All>
}

function alertHandlers(deps: Deps) {
  const { alertStore, noticeStore, clock } = deps
  return {
    listAlerts: async ({ limit, pageToken, ...filter }, { project }) => {
      const now = clock.now()
      const silences = await alertStore.silences(project, now)
      const rows = await alertStore.list({ ...filter, project, before: pageToken, limit })
      const actions = await alertStore.actionsOf(
        project,
        rows.map(({ id }) => id)
      )
      return {
        items: rows.map((row) => toAlert(row, { silences, actions, now })),
        nextPageToken: rows.length === limit ? (rows.at(-1)?.id ?? null) : null,
      }
    },
    listNotices: async ({ subject, limit, pageToken }, { project }) => {
      const rows = await noticeStore.list({ project, subject, limit, before: pageToken })
      const deliveries = await noticeStore.deliveriesOf(rows.map(({ id }) => id))
      return {
        items: rows.map((row) => toNotice(row, deliveries)),
        nextPageToken: rows.length === limit ? (rows.at(-1)?.id ?? null) : null,
      }
    },
    listDeliveries: async ({ id }, { project }) => ({
      items: (await alertStore.deliveriesOf(project, id)).map((row) => ({
        id: row.id,
        alertId: row.alert_id,
        receiver: row.receiver,
        event: row.event,
        state: row.state,
        attempts: row.attempts,
        nextAttemptAt: row.next_attempt_at,
        lastError: row.last_error,
        createdAt: row.created_at,
        deliveredAt: row.delivered_at,
      })),
    }),
    listSilences: async (_input, { project }) => ({
      items: (await alertStore.silences(project, clock.now())).map(toSilence),
    }),
    createSilence: async (input, { project, principal }) => {
      const now = clock.now()
      if (input.endsAt <= now) throw fail('request.invalid', 'endsAt is in the past')
      const row: SilenceRow = {
        id: sortableId('sil', now),
        project,
        endpoint: input.endpoint,
        monitor: input.monitor,
        comment: input.comment,
        created_by: principal.actor,
        starts_at: now,
        ends_at: input.endsAt,
      }
      await alertStore.insertSilence(row)
      return toSilence(row)
    },
    deleteSilence: async ({ id }, { project }) => {
      if (!(await alertStore.endSilence(project, id, clock.now())))
        throw fail('resource.not_found', `No silence "${id}"`)
      return {}
    },
    listReceivers: async (_input, { project }) => ({
      items: (await alertStore.receivers(project)).map(toReceiver),
    }),
    putReceiver: async (input, { project }) => {
      const known = (await alertStore.receivers(project)).find((r) => r.name === input.name)
      const createdAt = known?.created_at ?? clock.now()
      const row = toReceiverRow(input, { project, createdAt })
      await alertStore.putReceiver(row)
      return toReceiver(row)
    },
    deleteReceiver: async ({ name }, { project }) => {
      if (!(await alertStore.deleteReceiver(project, name)))
        throw fail('resource.not_found', `No receiver "${name}"`)
      return {}
    },
  } satisfies Partial<All>
}

function readToken(token: string): { at: number; predictionId: string } {
  const match = /^(\d+):(.+)$/.exec(token)
  if (match === null) throw fail('request.invalid', 'pageToken: not one that this list gave')
  return { at: Number(match[1]), predictionId: match[2] ?? '' }
}

const at = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0

const labelValueOf = (label: Pick<LabelRow, 'value_json'>): number | string | boolean =>
  JSON.parse(label.value_json) as number | string | boolean // written from the parsed contract

function toPrediction(row: PredictionRow, label: LabelRow | undefined): Prediction {
  return {
    predictionId: row.predictionId,
    requestId: row.requestId,
    endpoint: row.endpoint,
    endpointId: row.endpointId,
    variant: row.variant,
    model: { name: row.modelName, version: row.modelVersion },
    role: row.role,
    pairedWith: row.pairedWith,
    at: row.at,
    latencyMs: row.latencyMs,
    busyMs: row.busyMs,
    device: row.device,
    status: row.status,
    errorCode: row.errorCode,
    stickyKey: row.stickyKey,
    oldestFeatureAt: row.oldestFeatureAt,
    entities: toWire(row.entities),
    inputs: toWire(row.inputs),
    outputs: toWire(row.outputs),
    label: label === undefined ? null : { value: labelValueOf(label), at: label.at },
  }
}

const toWire = (values: Readonly<Record<string, Scalar | null>>) =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      typeof value === 'bigint' || (typeof value === 'number' && !Number.isFinite(value))
        ? String(value)
        : value,
    ])
  )

const toSilence = (row: SilenceRow) => ({
  id: row.id,
  endpoint: row.endpoint,
  monitor: row.monitor,
  comment: row.comment,
  createdBy: row.created_by,
  startsAt: row.starts_at,
  endsAt: row.ends_at,
})

const toReceiver = (row: ReceiverRow): Receiver => ({
  name: row.name,
  kind: row.kind,
  url: row.url,
  hasSecret: row.secret !== null,
  mail: mailOf(row),
  createdAt: row.created_at,
})

const toNotice = (
  { project: _, details_json, ...row }: NoticeRow,
  deliveries: readonly NoticeDeliveryRow[]
) => ({
  ...row,
  details: JSON.parse(details_json) as Record<string, string | number | boolean | null>, // written by this module
  deliveries: deliveries
    .filter((delivery) => delivery.notice_id === row.id)
    .map((delivery) => ({
      receiver: delivery.receiver,
      state: delivery.state,
      attempts: delivery.attempts,
      nextAttemptAt: delivery.next_attempt_at,
      lastError: delivery.last_error,
      deliveredAt: delivery.delivered_at,
    })),
})
