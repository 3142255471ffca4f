import type { Database } from '../../../platform/database/index.ts'
import type { MonitoringTables } from '../tables.ts'

export type AlertRow = MonitoringTables['alerts']
export type AlertActionRow = MonitoringTables['alert_actions']
export type DeliveryRow = MonitoringTables['deliveries']
export type ReceiverRow = MonitoringTables['receivers']
export type SilenceRow = MonitoringTables['silences']

/** All SQL of alerts, silences, receivers and deliveries. */
export function createAlertStore(database: Database) {
  const db = database.as<MonitoringTables>()
  return {
    firing: (project: string, fingerprint: string) =>
      db
        .selectFrom('alerts')
        .selectAll()
        .where('project', '=', project)
        .where('fingerprint', '=', fingerprint)
        .where('state', '=', 'firing')
        .executeTakeFirst(),
    allFiring: () => db.selectFrom('alerts').selectAll().where('state', '=', 'firing').execute(),
    /** A new alert with its deliveries and actions. False when the same alert is firing already. */
    insert(
      alert: AlertRow,
      deliveries: readonly DeliveryRow[],
      actions: readonly AlertActionRow[]
    ): Promise<boolean> {
      return db.transaction().execute(async (tx) => {
        const result = await tx
          .insertInto('alerts')
          .values(alert)
          .onConflict((c) => c.doNothing())
          .executeTakeFirst()
        if (result.numInsertedOrUpdatedRows !== 1n) return false
        if (deliveries.length > 0)
          await tx
            .insertInto('deliveries')
            .values([...deliveries])
            .execute()
        if (actions.length > 0)
          await tx
            .insertInto('alert_actions')
            .values([...actions])
            .execute()
        return true
      })
    },
    seenAgain: async (id: string, change: Partial<AlertRow>) =>
      void (await db.updateTable('alerts').set(change).where('id', '=', id).execute()),
    /** Ends a firing alert, with its deliveries. False when it was not firing. */
    resolve(id: string, at: number, deliveries: readonly DeliveryRow[]): Promise<boolean> {
      return db.transaction().execute(async (tx) => {
        const result = await tx
          .updateTable('alerts')
          .set({ state: 'resolved', ends_at: at })
          .where('id', '=', id)
          .where('state', '=', 'firing')
          .executeTakeFirst()
        if (result.numUpdatedRows !== 1n) return false
        if (deliveries.length > 0)
          await tx
            .insertInto('deliveries')
            .values([...deliveries])
            .execute()
        return true
      })
    },
    find: (id: string) =>
      db.selectFrom('alerts').selectAll().where('id', '=', id).executeTakeFirst(),
    /** Newest first. */
    list(query: {
      project: string
      state?: AlertRow['state'] | undefined
      endpoint?: string | undefined
      before?: string | undefined
      limit: number
    }) {
      let select = db.selectFrom('alerts').selectAll().where('project', '=', query.project)
      if (query.state !== undefined) select = select.where('state', '=', query.state)
      if (query.endpoint !== undefined) select = select.where('endpoint', '=', query.endpoint)
      if (query.before !== undefined) select = select.where('id', '<', query.before)
      return select.orderBy('id', 'desc').limit(query.limit).execute()
    },

    actionsOf: (project: string, alertIds: readonly string[]): Promise<AlertActionRow[]> =>
      alertIds.length === 0
        ? Promise.resolve([])
        : db
            .selectFrom('alert_actions')
            .selectAll()
            .where('project', '=', project)
            .where('alert_id', 'in', [...alertIds])
            .orderBy('id')
            .execute(),
    dueActions: (now: number, limit: number) =>
      db
        .selectFrom('alert_actions')
        .selectAll()
        .where('state', '=', 'pending')
        .where('next_attempt_at', '<=', now)
        .orderBy('id')
        .limit(limit)
        .execute(),
    /** Takes an action for one try. False when another server has it. */
    async takeAction({ id, attempts }: AlertActionRow, until: number): Promise<boolean> {
      const result = await db
        .updateTable('alert_actions')
        .set({ attempts: attempts + 1, next_attempt_at: until })
        .where('id', '=', id)
        .where('state', '=', 'pending')
        .where('attempts', '=', attempts)
        .executeTakeFirst()
      return result.numUpdatedRows === 1n
    },
    updateAction: async (id: string, change: Partial<AlertActionRow>) =>
      void (await db.updateTable('alert_actions').set(change).where('id', '=', id).execute()),

    silences: (project: string, now: number) =>
      db
        .selectFrom('silences')
        .selectAll()
        .where('project', '=', project)
        .where('ends_at', '>', now)
        .orderBy('ends_at')
        .execute(),
    insertSilence: async (row: SilenceRow) =>
      void (await db.insertInto('silences').values(row).execute()),
    async endSilence(project: string, id: string, now: number): Promise<boolean> {
      const result = await db
        .updateTable('silences')
        .set({ ends_at: now })
        .where('project', '=', project)
        .where('id', '=', id)
        .where('ends_at', '>', now)
        .executeTakeFirst()
      return result.numUpdatedRows === 1n
    },

    receivers: (project: string) =>
      db
        .selectFrom('receivers')
        .selectAll()
        .where('project', '=', project)
        .orderBy('name')
        .execute(),
    putReceiver: async (row: ReceiverRow) =>
      void (await db
        .insertInto('receivers')
        .values(row)
        .onConflict((c) =>
          c.columns(['project', 'name']).doUpdateSet({
            kind: row.kind,
            url: row.url,
            secret: row.secret,
            mail_json: row.mail_json,
          })
        )
        .execute()),
    async deleteReceiver(project: string, name: string): Promise<boolean> {
      const result = await db
        .deleteFrom('receivers')
        .where('project', '=', project)
        .where('name', '=', name)
        .executeTakeFirst()
      return result.numDeletedRows === 1n
    },

    dueDeliveries: (now: number, limit: number) =>
      db
        .selectFrom('deliveries')
        .selectAll()
        .where('state', '=', 'pending')
        .where('next_attempt_at', '<=', now)
        .orderBy('next_attempt_at')
        .orderBy('id')
        .limit(limit)
        .execute(),
    addDeliveries: async (deliveries: readonly DeliveryRow[]) => {
      if (deliveries.length > 0)
        await db
          .insertInto('deliveries')
          .values([...deliveries])
          .execute()
    },
    updateDelivery: async (id: string, change: Partial<DeliveryRow>) =>
      void (await db.updateTable('deliveries').set(change).where('id', '=', id).execute()),
    deliveriesOf: (project: string, alertId: string) =>
      db
        .selectFrom('deliveries')
        .selectAll()
        .where('project', '=', project)
        .where('alert_id', '=', alertId)
        .orderBy('id')
        .execute(),
  }
}
export type AlertStore = ReturnType<typeof createAlertStore>
