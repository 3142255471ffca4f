import type { Clock } from '../../../kernel/clock.ts'
import { sortableId } from '../../../kernel/ids.ts'
import type { Scheduler } from '../../../platform/jobs/scheduler.ts'
import { doesNotExist, invalidParameter, MlflowError } from '../../tracking/index.ts'
import type { SendOutcome, SendWebhook } from './sender.ts'
import {
  eventName,
  isWebhookEvent,
  WEBHOOK_ACTIONS,
  type WebhookEvent,
  type WebhookNews,
} from './webhook-events.ts'
import type { DeliveryRow, WebhookRow, WebhookStore } from './webhook-store.ts'

const JOB = 'registry webhooks'
const EVERY_MS = 1_000
const BATCH = 50
const MAX_ATTEMPTS = 8 // over about two minutes
const LONGEST_WAIT_MS = 60_000
const CLAIM_MS = 60_000
const KEEP_MS = 30 * 86_400_000

export type WebhookFields = Readonly<{
  name: string
  description: string
  url: string
  events: readonly WebhookEvent[]
  secret: string | null
  status: 'ACTIVE' | 'DISABLED'
}>

/**
 * Webhooks of the registry. What happened is written down as deliveries before its answer leaves, and sent from there: a receiver
 * that is away, or a process that dies, loses nothing. A receiver may hear twice, with the same delivery id.
 */
export interface Webhooks {
  create(project: string, fields: WebhookFields): Promise<WebhookRow>
  /** Throws RESOURCE_DOES_NOT_EXIST. */
  get(project: string, id: string): Promise<WebhookRow>
  update(project: string, id: string, changes: Partial<WebhookFields>): Promise<WebhookRow>
  remove(project: string, id: string): Promise<void>
  /** Writes deliveries for those who listen. */
  tell(project: string, news: WebhookNews): Promise<void>
  /** Sends an example now, kept in no log. */
  test(project: string, id: string, event: WebhookEvent | undefined): Promise<SendOutcome>
  /** Sends a delivery again, under its own id. */
  redeliver(project: string, id: string, deliveryId: string): Promise<DeliveryRow>
  /** Sends what is due. */
  deliver(signal: AbortSignal): Promise<void>
}

export function createWebhooks(deps: {
  store: WebhookStore
  send: SendWebhook
  clock: Clock
  scheduler: Scheduler
}): Webhooks {
  const { store, send, clock } = deps

  const get = async (project: string, id: string): Promise<WebhookRow> => {
    const row = await store.find(project, id)
    if (row === undefined) throw doesNotExist(`Webhook with ID ${id} not found.`)
    return row
  }

  const attempt = async (
    { delivery, webhook }: { delivery: DeliveryRow; webhook: WebhookRow },
    signal: AbortSignal
  ): Promise<void> => {
    const now = clock.now()
    if (!(await store.claim(delivery, now + CLAIM_MS))) return
    if (webhook.status !== 'ACTIVE')
      return store.settle({
        ...{ ...delivery, state: 'failed', next_at: null },
        message: 'The webhook was disabled',
      })
    const attempts = delivery.attempts + 1
    const outcome = await send(
      webhook,
      { id: delivery.delivery_id, body: delivery.body },
      { now, signal }
    )
    if (signal.aborted) return // due again after the claim
    const isTaken = outcome.status !== null && outcome.status >= 200 && outcome.status < 300
    const isFinal = isTaken || !mayHelp(outcome.status) || attempts >= MAX_ATTEMPTS
    await store.settle({
      ...delivery,
      attempts,
      state: isTaken ? 'delivered' : isFinal ? 'failed' : 'pending',
      next_at: isFinal ? null : now + Math.min(LONGEST_WAIT_MS, 1_000 * 2 ** (attempts - 1)),
      response_status: outcome.status,
      message: outcome.error ?? outcome.body,
      sent_at: now,
    })
  }

  let lastForgotten = 0
  const deliver = async (signal: AbortSignal): Promise<void> => {
    const now = clock.now()
    if (now - lastForgotten > 3_600_000) {
      lastForgotten = now
      await store.forget(now - KEEP_MS)
    }
    const due = await store.due(now, BATCH)
    await Promise.all(due.map((one) => attempt(one, signal)))
  }
  deps.scheduler.every({ name: JOB, intervalMs: EVERY_MS, work: deliver })

  return {
    get,
    deliver,
    async create(project, fields) {
      check(fields)
      const now = clock.now()
      const row: WebhookRow = {
        webhook_id: crypto.randomUUID(),
        project,
        name: fields.name,
        description: fields.description,
        url: fields.url,
        events: JSON.stringify(fields.events),
        secret: fields.secret,
        status: fields.status,
        created_at: now,
        updated_at: now,
      }
      if (!(await store.insert(row))) throw nameTaken(fields.name)
      return row
    },
    async update(project, id, changes) {
      const row = await get(project, id)
      const { events, ...plain } = changes
      check(changes)
      const changed: WebhookRow = {
        ...row,
        ...plain,
        ...(events === undefined ? {} : { events: JSON.stringify(events) }),
        updated_at: clock.now(),
      }
      if (!(await store.update(changed))) throw nameTaken(changed.name)
      return changed
    },
    async remove(project, id) {
      await store.remove(await get(project, id))
    },
    async tell(project, news) {
      const now = clock.now()
      const event = eventName(news)
      const listening = (await store.list(project, { after: '', limit: 1_000 })).filter(
        (row) => row.status === 'ACTIVE' && eventsOf(row).some((e) => eventName(e) === event)
      )
      await store.addDeliveries(
        listening.map((webhook) => ({
          delivery_id: sortableId('whd', now),
          webhook_id: webhook.webhook_id,
          event,
          body: bodyOf(news, now),
          state: 'pending',
          attempts: 0,
          next_at: now,
          response_status: null,
          message: null,
          created_at: now,
          sent_at: null,
        }))
      )
      if (listening.length > 0) void deps.scheduler.trigger(JOB)
    },
    async test(project, id, event) {
      const webhook = await get(project, id)
      const chosen = event ?? eventsOf(webhook)[0]
      if (chosen === undefined) throw invalidParameter('The webhook has no events')
      const body = bodyOf({ ...chosen, data: EXAMPLE }, clock.now())
      return send(
        webhook,
        { id: crypto.randomUUID(), body },
        { now: clock.now(), signal: AbortSignal.timeout(CLAIM_MS) }
      )
    },
    async redeliver(project, id, deliveryId) {
      const delivery = await store.findDelivery(await get(project, id), deliveryId)
      if (delivery === undefined) throw doesNotExist(`Delivery ${deliveryId} not found.`)
      const again = { ...delivery, state: 'pending', attempts: 0, next_at: clock.now() }
      await store.settle(again)
      void deps.scheduler.trigger(JOB)
      return again
    },
  }
}

/** What the example of a test says; MLflow's own examples name as much. */
const EXAMPLE = {
  name: 'example_model',
  version: '1',
  key: 'example_key',
  value: 'example_value',
  alias: 'example_alias',
}

const mayHelp = (status: number | null): boolean =>
  status === null || status === 429 || status === 408 || status >= 500

export const eventsOf = (row: WebhookRow): WebhookEvent[] =>
  JSON.parse(row.events) as WebhookEvent[] // written above

const bodyOf = (news: WebhookNews, now: number): string =>
  JSON.stringify({
    entity: news.entity.toLowerCase(),
    action: news.action.toLowerCase(),
    timestamp: new Date(now).toISOString().replace('Z', '+00:00'),
    data: news.data,
  })

function check(fields: Partial<WebhookFields>): void {
  if (fields.name !== undefined && !/^[a-z\d]([\w.-]{0,61}[a-z\d])?$/i.test(fields.name))
    throw invalidParameter(
      `Webhook name '${fields.name}' is invalid. It must start and end with a letter or digit, be less than 63 characters long, and contain only letters, digits, dots (.), underscores (_), and hyphens (-).`
    )
  if (fields.url !== undefined) checkUrl(fields.url)
  if (fields.events === undefined) return
  if (fields.events.length === 0)
    throw invalidParameter('Webhook events must be a non-empty list of WebhookEvent objects')
  const wrong = fields.events.find((event) => !isWebhookEvent(event))
  if (wrong !== undefined)
    throw invalidParameter(
      `Invalid action '${wrong.action}' for entity '${wrong.entity}'. Valid actions are: ${(WEBHOOK_ACTIONS[wrong.entity] ?? []).join(', ')}`
    )
}

function checkUrl(url: string): void {
  if (!URL.canParse(url)) throw invalidParameter(`Invalid webhook URL '${url}'`)
  const { protocol, username } = new URL(url)
  if (protocol !== 'https:' && protocol !== 'http:')
    throw invalidParameter(
      `Invalid webhook URL scheme: '${protocol}'. Allowed schemes are: https, http.`
    )
  if (username !== '')
    throw invalidParameter('A webhook URL holds no user name; sign with a secret instead')
}

const nameTaken = (name: string) =>
  new MlflowError('RESOURCE_ALREADY_EXISTS', `Webhook (name=${name}) already exists.`)
