import { z } from 'zod'
import {
  checkMaxResults,
  decodePageToken,
  done,
  encodePageToken,
  mlflowRoute,
  type MlflowRoute,
} from '../../tracking/index.ts'
import type { WebhookRow, WebhookStore } from './webhook-store.ts'
import { eventsOf, type Webhooks } from './webhooks.ts'

const event = z.object({ entity: z.string(), action: z.string() })
const status = z.enum(['ACTIVE', 'DISABLED'])
const fields = z.object({
  name: z.string(),
  description: z.string().max(5_000).default(''),
  url: z.string().min(1).max(2_000),
  events: z.array(event),
  secret: z.string().max(1_000).optional(),
  status: status.default('ACTIVE'),
})
const byId = z.object({ webhook_id: z.string() })
const LIST = 'webhooks'

/** MLflow's routes for webhooks. A secret is taken and never told. */
export function webhookRoutes(deps: { webhooks: Webhooks; store: WebhookStore }): MlflowRoute[] {
  const { webhooks, store } = deps
  return [
    mlflowRoute({
      method: 'POST',
      path: 'webhooks',
      fields,
      handle: async ({ secret, ...f }, { project }) => ({
        webhook: toWire(await webhooks.create(project, { ...f, secret: emptyIsNone(secret) })),
      }),
    }),
    mlflowRoute({
      method: 'GET',
      path: 'webhooks',
      fields: z.object({
        max_results: z.coerce.number().int().optional(),
        page_token: z.string().optional(),
      }),
      handle: async (f, { project }) => {
        const limit = checkMaxResults(f.max_results, { byDefault: 100, most: 1_000 })
        const after = decodePageToken(f.page_token, LIST)?.[0] ?? ''
        const rows = await store.list(project, { after: String(after), limit: limit + 1 })
        const page = rows.slice(0, limit)
        const last = rows.length > limit ? page.at(-1) : undefined
        return {
          ...(page.length === 0 ? {} : { webhooks: page.map(toWire) }),
          ...(last === undefined
            ? {}
            : { next_page_token: encodePageToken(LIST, [last.webhook_id]) }),
        }
      },
    }),
    mlflowRoute({
      method: 'GET',
      path: 'webhooks/:webhook_id',
      fields: byId,
      handle: async (f, { project }) => ({
        webhook: toWire(await webhooks.get(project, f.webhook_id)),
      }),
    }),
    mlflowRoute({
      method: 'PATCH',
      path: 'webhooks/:webhook_id',
      fields: byId.extend({
        name: z.string().optional(),
        description: z.string().max(5_000).optional(),
        url: z.string().min(1).max(2_000).optional(),
        events: z.array(event).optional(),
        secret: z.string().max(1_000).optional(),
        status: status.optional(),
      }),
      handle: async (
        { webhook_id, name, description, url, events, secret, status },
        { project }
      ) => ({
        webhook: toWire(
          await webhooks.update(project, webhook_id, {
            ...(name === undefined ? {} : { name }),
            ...(description === undefined ? {} : { description }),
            ...(url === undefined ? {} : { url }),
            // A client that changes something else sends no events, or an empty list of them.
            ...(events === undefined || events.length === 0 ? {} : { events }),
            ...(secret === undefined ? {} : { secret: emptyIsNone(secret) }),
            ...(status === undefined ? {} : { status }),
          })
        ),
      }),
    }),
    mlflowRoute({
      method: 'DELETE',
      path: 'webhooks/:webhook_id',
      fields: byId,
      handle: async (f, { project }) => done(webhooks.remove(project, f.webhook_id)),
    }),
    mlflowRoute({
      method: 'POST',
      path: 'webhooks/:webhook_id/test',
      fields: byId.extend({ event: event.optional() }),
      handle: async (f, { project }) => {
        const outcome = await webhooks.test(project, f.webhook_id, f.event)
        const success = outcome.status !== null && outcome.status >= 200 && outcome.status < 300
        return {
          result: {
            success,
            ...(outcome.status === null ? {} : { response_status: outcome.status }),
            ...(outcome.body === '' ? {} : { response_body: outcome.body }),
            ...(outcome.error === null ? {} : { error_message: outcome.error }),
          },
        }
      },
    }),
  ]
}

const emptyIsNone = (secret: string | undefined): string | null =>
  secret === undefined || secret === '' ? null : secret

const toWire = (row: WebhookRow): object => ({
  webhook_id: row.webhook_id,
  name: row.name,
  description: row.description,
  url: row.url,
  events: eventsOf(row),
  status: row.status,
  creation_timestamp: row.created_at,
  last_updated_timestamp: row.updated_at,
})
