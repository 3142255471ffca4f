import { createHash } from 'node:crypto'
import type { Alert, AlertAction } from '@trestle/contract'
import type { Clock } from '../../../kernel/clock.ts'
import { sortableId } from '../../../kernel/ids.ts'
import type { Topic } from '../../../platform/events/topic.ts'
import { attempt, RECEIVER_GONE } from './attempt.ts'
import { toMessage } from './message.ts'
import type { Send } from './send.ts'
import type { AlertActionRow, AlertRow, AlertStore, DeliveryRow, SilenceRow } from './store.ts'

export type Trouble = Readonly<{
  project: string
  endpoint: string
  monitor: string
  kind: Alert['kind']
}>

export type Raise = Trouble &
  Readonly<{
    severity: Alert['severity']
    title: string
    summary: string
    columns: readonly string[]
    reportId: string | null
    onAlert: readonly Readonly<{ do: AlertAction }>[]
  }>

const REPEAT_TO_ALERTMANAGER_MS = 60_000
const DELIVERIES_A_TURN = 50

/**
 * Alerts: one per trouble at a time, however often it is seen. A raised or resolved alert is told to every receiver of its project, each told
 * at least once or recorded as failed; a silence keeps it from being sent, not from being there.
 *
 *   (nothing) ──raise──► firing ──resolve──► resolved        raise while firing: seen again
 */
export function createAlerts(deps: {
  store: AlertStore
  clock: Clock
  send: Send
  raised: Topic<Alert & { project: string }>
}) {
  const { store, clock } = deps
  let lastRepeatAt = 0

  async function deliveriesFor(alert: AlertRow, event: 'firing' | 'resolved') {
    const now = clock.now()
    if (isSilenced(alert, await store.silences(alert.project, now), now)) return []
    return (await store.receivers(alert.project)).map((receiver): DeliveryRow => ({
      id: sortableId('dlv', now),
      project: alert.project,
      alert_id: alert.id,
      receiver: receiver.name,
      event,
      state: 'pending',
      attempts: 0,
      next_attempt_at: now,
      last_error: null,
      created_at: now,
      delivered_at: null,
    }))
  }

  async function deliver(delivery: DeliveryRow, signal: AbortSignal): Promise<void> {
    const alert = await store.find(delivery.alert_id)
    const receivers = await store.receivers(delivery.project)
    const receiver = receivers.find((r) => r.name === delivery.receiver)
    if (alert === undefined || receiver === undefined) {
      await store.updateDelivery(delivery.id, RECEIVER_GONE)
      return
    }
    const outcome = await attempt(delivery, clock, (now) =>
      deps.send(
        toMessage(receiver, alert, { event: delivery.event, now, deliveryId: delivery.id }),
        signal
      )
    )
    await store.updateDelivery(delivery.id, outcome)
  }

  /** Alertmanager forgets what is not repeated. A repeat that fails is made up for by the next. */
  async function repeatFiring(signal: AbortSignal): Promise<void> {
    const now = clock.now()
    if (now - lastRepeatAt < REPEAT_TO_ALERTMANAGER_MS) return
    lastRepeatAt = now
    for (const alert of await store.allFiring()) {
      if (isSilenced(alert, await store.silences(alert.project, now), now)) continue
      for (const receiver of await store.receivers(alert.project)) {
        if (receiver.kind !== 'alertmanager') continue
        const occasion = { event: 'firing' as const, now, deliveryId: alert.id }
        await deps.send(toMessage(receiver, alert, occasion), signal).catch(() => undefined)
      }
    }
  }

  return {
    /** Raises an alert, or notes that it is still so. */
    async raise(trouble: Raise): Promise<void> {
      const now = clock.now()
      const fingerprint = fingerprintOf(trouble)
      const said = {
        title: trouble.title,
        summary: trouble.summary,
        columns_json: JSON.stringify(trouble.columns),
        report_id: trouble.reportId,
        last_seen_at: now,
      }
      const firing = await store.firing(trouble.project, fingerprint)
      if (firing !== undefined) {
        await store.seenAgain(firing.id, said)
        // Raised under a silence that is over by now: nobody was told yet.
        const told = await store.deliveriesOf(firing.project, firing.id)
        if (told.length === 0) await store.addDeliveries(await deliveriesFor(firing, 'firing'))
        return
      }
      const alert: AlertRow = {
        id: sortableId('alr', now),
        project: trouble.project,
        fingerprint,
        kind: trouble.kind,
        severity: trouble.severity,
        state: 'firing',
        endpoint: trouble.endpoint,
        monitor: trouble.monitor,
        starts_at: now,
        ends_at: null,
        ...said,
      }
      const actions = trouble.onAlert.map((action): AlertActionRow => ({
        id: sortableId('act', now),
        project: alert.project,
        alert_id: alert.id,
        action: action.do,
        state: 'pending',
        attempts: 0,
        next_attempt_at: now,
        outcome: null,
        done_at: null,
      }))
      if (!(await store.insert(alert, await deliveriesFor(alert, 'firing'), actions))) return
      const silences = await store.silences(alert.project, now)
      deps.raised.publish({ ...toAlert(alert, { silences, actions, now }), project: alert.project })
    },
    async resolve(trouble: Trouble): Promise<void> {
      const firing = await store.firing(trouble.project, fingerprintOf(trouble))
      if (firing === undefined) return
      const now = clock.now()
      const ended = { ...firing, state: 'resolved' as const, ends_at: now }
      await store.resolve(firing.id, now, await deliveriesFor(ended, 'resolved'))
    },
    /** One turn of the scheduler. Every try has 10 seconds. */
    async deliverDue(signal: AbortSignal): Promise<void> {
      for (const delivery of await store.dueDeliveries(clock.now(), DELIVERIES_A_TURN)) {
        if (signal.aborted) return
        await deliver(delivery, AbortSignal.any([signal, AbortSignal.timeout(10_000)]))
      }
      await repeatFiring(AbortSignal.any([signal, AbortSignal.timeout(10_000)]))
    },
  }
}
export type Alerts = ReturnType<typeof createAlerts>

const fingerprintOf = (trouble: Trouble): string =>
  createHash('sha256')
    .update(JSON.stringify([trouble.project, trouble.kind, trouble.endpoint, trouble.monitor]))
    .digest('hex')
    .slice(0, 16)

export function isSilenced(alert: AlertRow, silences: readonly SilenceRow[], now: number): boolean {
  return silences.some(
    (silence) =>
      silence.starts_at <= now &&
      now < silence.ends_at &&
      (silence.endpoint === null || silence.endpoint === alert.endpoint) &&
      (silence.monitor === null || silence.monitor === alert.monitor)
  )
}

export const toAlert = (
  row: AlertRow,
  beside: { silences: readonly SilenceRow[]; actions: readonly AlertActionRow[]; now: number }
): Alert => ({
  id: row.id,
  fingerprint: row.fingerprint,
  kind: row.kind,
  severity: row.severity,
  state: row.state,
  endpoint: row.endpoint,
  monitor: row.monitor,
  title: row.title,
  summary: row.summary,
  columns: JSON.parse(row.columns_json) as string[], // written by this module
  reportId: row.report_id,
  isSilenced: isSilenced(row, beside.silences, beside.now),
  actions: beside.actions
    .filter((action) => action.alert_id === row.id)
    .map((action) => ({
      do: action.action,
      state: action.state,
      outcome: action.outcome,
      at: action.done_at,
    })),
  startsAt: row.starts_at,
  lastSeenAt: row.last_seen_at,
  endsAt: row.ends_at,
})
