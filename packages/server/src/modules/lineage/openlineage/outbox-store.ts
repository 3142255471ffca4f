import type { Database } from '../../../platform/database/index.ts'
import type { LineageTables } from '../tables.ts'

export type OutboxRow = LineageTables['openlineage_outbox']

/** All SQL of this module. */
export function createOutboxStore(database: Database) {
  const db = database.as<LineageTables>()
  return {
    add: async (row: OutboxRow) =>
      void (await db.insertInto('openlineage_outbox').values(row).execute()),
    due: (now: number, limit: number): Promise<OutboxRow[]> =>
      db
        .selectFrom('openlineage_outbox')
        .selectAll()
        .where('due_at', '<=', now)
        .orderBy('id')
        .limit(limit)
        .execute(),
    delete: async (id: string) =>
      void (await db.deleteFrom('openlineage_outbox').where('id', '=', id).execute()),
    postpone: async (id: string, change: Pick<OutboxRow, 'attempts' | 'due_at' | 'last_error'>) =>
      void (await db.updateTable('openlineage_outbox').set(change).where('id', '=', id).execute()),
  }
}
export type OutboxStore = ReturnType<typeof createOutboxStore>
