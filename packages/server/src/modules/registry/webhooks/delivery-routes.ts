import { api } from '@trestle/contract'
import type { FastifyInstance } from 'fastify'
import { bindRoutes } from '../../../platform/http/index.ts'
import { inOwnWords } from '../native-errors.ts'
import type { DeliveryRow, WebhookStore } from './webhook-store.ts'
import type { Webhooks } from './webhooks.ts'

/** The log of what was sent to webhooks, and sending again. */
export function addDeliveryRoutes(
  app: FastifyInstance,
  deps: { webhooks: Webhooks; store: WebhookStore }
): void {
  const { webhooks, store } = deps
  bindRoutes(
    app,
    { name: 'webhooks', routes: api.webhooks },
    {
      listDeliveries: async ({ id, limit, before }, { project }) =>
        inOwnWords(async () => {
          const webhook = await webhooks.get(project, id)
          const rows = await store.deliveries(webhook, { before: before ?? '', limit })
          return { items: rows.map(toWire) }
        }),
      redeliver: async ({ id, deliveryId }, { project }) =>
        inOwnWords(async () => toWire(await webhooks.redeliver(project, id, deliveryId))),
    }
  )
}

const toWire = (row: DeliveryRow) => ({
  id: row.delivery_id,
  event: row.event,
  body: row.body,
  state: stateOf(row.state),
  attempts: row.attempts,
  nextAt: row.next_at,
  responseStatus: row.response_status,
  message: row.message,
  createdAt: row.created_at,
  sentAt: row.sent_at,
})

const stateOf = (state: string): 'pending' | 'delivered' | 'failed' =>
  state === 'delivered' || state === 'failed' ? state : 'pending'
