import type { Database } from '../../../platform/database/index.ts'
import type { MonitoringTables } from '../tables.ts'

export type NoticeRow = MonitoringTables['notices']
export type NoticeDeliveryRow = MonitoringTables['notice_deliveries']

/** All SQL of notices and their deliveries. */
export function createNoticeStore(database: Database) {
  const db = database.as<MonitoringTables>()
  return {
    /** A notice with its deliveries, all or nothing. */
    insert: (notice: NoticeRow, deliveries: readonly NoticeDeliveryRow[]): Promise<void> =>
      db.transaction().execute(async (tx) => {
        await tx.insertInto('notices').values(notice).execute()
        if (deliveries.length > 0)
          await tx
            .insertInto('notice_deliveries')
            .values([...deliveries])
            .execute()
      }),
    find: (id: string) =>
      db.selectFrom('notices').selectAll().where('id', '=', id).executeTakeFirst(),
    /** Newest first. */
    list(query: {
      project: string
      subject?: string | undefined
      before?: string | undefined
      limit: number
    }): Promise<NoticeRow[]> {
      let select = db.selectFrom('notices').selectAll().where('project', '=', query.project)
      if (query.subject !== undefined) select = select.where('subject', '=', query.subject)
      if (query.before !== undefined) select = select.where('id', '<', query.before)
      return select.orderBy('id', 'desc').limit(query.limit).execute()
    },
    deliveriesOf: (ids: readonly string[]): Promise<NoticeDeliveryRow[]> =>
      ids.length === 0
        ? Promise.resolve([])
        : db
            .selectFrom('notice_deliveries')
            .selectAll()
            .where('notice_id', 'in', [...ids])
            .orderBy('id')
            .execute(),
    due: (now: number, limit: number): Promise<NoticeDeliveryRow[]> =>
      db
        .selectFrom('notice_deliveries')
        .selectAll()
        .where('state', '=', 'pending')
        .where('next_attempt_at', '<=', now)
        .orderBy('next_attempt_at')
        .limit(limit)
        .execute(),
    updateDelivery: async (id: string, change: Partial<NoticeDeliveryRow>) =>
      void (await db.updateTable('notice_deliveries').set(change).where('id', '=', id).execute()),
  }
}
export type NoticeStore = ReturnType<typeof createNoticeStore>
