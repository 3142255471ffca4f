import type { Selectable } from 'kysely'
import type { Database } from '../../../platform/database/index.ts'
import type { DeliveriesTable, RegistryTables, WebhooksTable } from '../tables.ts'

export type WebhookRow = Selectable<WebhooksTable>
export type DeliveryRow = Selectable<DeliveriesTable>

export interface WebhookStore {
  /** False when the project has a webhook of this name. */
  insert(row: WebhookRow): Promise<boolean>
  find(project: string, id: string): Promise<WebhookRow | undefined>
  list(project: string, page: { after: string; limit: number }): Promise<WebhookRow[]>
  /** False when the new name is taken. */
  update(row: WebhookRow): Promise<boolean>
  remove(row: WebhookRow): Promise<void>
  addDeliveries(rows: readonly DeliveryRow[]): Promise<void>
  /** Deliveries that are due, each with its webhook, oldest first. */
  due(now: number, limit: number): Promise<{ delivery: DeliveryRow; webhook: WebhookRow }[]>
  /** Takes a delivery for a try: false when another replica has it. It is due again at `until`, should this process die. */
  claim(delivery: DeliveryRow, until: number): Promise<boolean>
  settle(delivery: DeliveryRow): Promise<void>
  findDelivery(webhook: WebhookRow, id: string): Promise<DeliveryRow | undefined>
  /** Newest first. */
  deliveries(webhook: WebhookRow, page: { before: string; limit: number }): Promise<DeliveryRow[]>
  /** Forgets what was settled before a time. */
  forget(before: number): Promise<void>
}

export function createWebhookStore(database: Database): WebhookStore {
  const db = database.as<RegistryTables>()
  return {
    async insert(row) {
      const result = await db
        .insertInto('registry_webhooks')
        .values(row)
        .onConflict((c) => c.doNothing())
        .executeTakeFirst()
      return result.numInsertedOrUpdatedRows === 1n
    },
    find: (project, id) =>
      db
        .selectFrom('registry_webhooks')
        .selectAll()
        .where('project', '=', project)
        .where('webhook_id', '=', id)
        .executeTakeFirst(),
    list: (project, { after, limit }) =>
      db
        .selectFrom('registry_webhooks')
        .selectAll()
        .where('project', '=', project)
        .where('webhook_id', '>', after)
        .orderBy('webhook_id')
        .limit(limit)
        .execute(),
    update: (row) =>
      db.transaction().execute(async (tx) => {
        const taken = await tx
          .selectFrom('registry_webhooks')
          .select('webhook_id')
          .where('project', '=', row.project)
          .where('name', '=', row.name)
          .where('webhook_id', '!=', row.webhook_id)
          .executeTakeFirst()
        if (taken !== undefined) return false
        await tx
          .updateTable('registry_webhooks')
          .set(row)
          .where('webhook_id', '=', row.webhook_id)
          .execute()
        return true
      }),
    async remove(row) {
      await db.deleteFrom('registry_webhooks').where('webhook_id', '=', row.webhook_id).execute()
    },
    async addDeliveries(rows) {
      if (rows.length > 0)
        await db
          .insertInto('registry_webhook_deliveries')
          .values([...rows])
          .execute()
    },
    async due(now, limit) {
      const rows = await db
        .selectFrom('registry_webhook_deliveries')
        .selectAll()
        .where('state', '=', 'pending')
        .where('next_at', '<=', now)
        .orderBy('next_at')
        .limit(limit)
        .execute()
      if (rows.length === 0) return []
      const webhooks = await db
        .selectFrom('registry_webhooks')
        .selectAll()
        .where('webhook_id', 'in', [...new Set(rows.map((row) => row.webhook_id))])
        .execute()
      return rows.flatMap((delivery) => {
        const webhook = webhooks.find((w) => w.webhook_id === delivery.webhook_id)
        return webhook === undefined ? [] : [{ delivery, webhook }]
      })
    },
    async claim(delivery, until) {
      const result = await db
        .updateTable('registry_webhook_deliveries')
        .set({ next_at: until, attempts: delivery.attempts + 1 })
        .where('delivery_id', '=', delivery.delivery_id)
        .where('state', '=', 'pending')
        .where('attempts', '=', delivery.attempts)
        .executeTakeFirst()
      return result.numUpdatedRows === 1n
    },
    async settle({ delivery_id, ...rest }) {
      await db
        .updateTable('registry_webhook_deliveries')
        .set(rest)
        .where('delivery_id', '=', delivery_id)
        .execute()
    },
    findDelivery: (webhook, id) =>
      db
        .selectFrom('registry_webhook_deliveries')
        .selectAll()
        .where('webhook_id', '=', webhook.webhook_id)
        .where('delivery_id', '=', id)
        .executeTakeFirst(),
    deliveries: (webhook, { before, limit }) => {
      const query = db
        .selectFrom('registry_webhook_deliveries')
        .selectAll()
        .where('webhook_id', '=', webhook.webhook_id)
        .orderBy('delivery_id', 'desc')
        .limit(limit)
      return (before === '' ? query : query.where('delivery_id', '<', before)).execute()
    },
    async forget(before) {
      await db
        .deleteFrom('registry_webhook_deliveries')
        .where('state', '!=', 'pending')
        .where('created_at', '<', before)
        .execute()
    },
  }
}
