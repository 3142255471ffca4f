import type { Database } from '../../platform/database/index.ts'
import type { IdentityTables } from './tables.ts'

type KeyRow = IdentityTables['api_keys']
type AuditRow = IdentityTables['audit_log']
export type { AuditRow, KeyRow }

/** All SQL of identity. */
export function createIdentityStore(database: Database) {
  const db = database.as<IdentityTables>()
  return {
    listProjects: () => db.selectFrom('projects').selectAll().orderBy('name').execute(),
    /** False when the name is taken. */
    async insertProject(row: IdentityTables['projects']): Promise<boolean> {
      const result = await db
        .insertInto('projects')
        .values(row)
        .onConflict((c) => c.doNothing())
        .executeTakeFirst()
      return result.numInsertedOrUpdatedRows === 1n
    },
    findProject: (name: string) =>
      db.selectFrom('projects').selectAll().where('name', '=', name).executeTakeFirst(),

    insertKey: async (row: KeyRow) => void (await db.insertInto('api_keys').values(row).execute()),
    listKeys: () =>
      db
        .selectFrom('api_keys')
        .selectAll()
        .where('revoked_at', 'is', null)
        .orderBy('created_at')
        .execute(),
    async revokeKey(id: string, at: number): Promise<boolean> {
      const result = await db
        .updateTable('api_keys')
        .set({ revoked_at: at })
        .where('id', '=', id)
        .where('revoked_at', 'is', null)
        .executeTakeFirst()
      return result.numUpdatedRows === 1n
    },
    touchKey: async (id: string, at: number) =>
      void (await db
        .updateTable('api_keys')
        .set({ last_used_at: at })
        .where('id', '=', id)
        .execute()),

    insertAudit: async (row: AuditRow) =>
      void (await db.insertInto('audit_log').values(row).execute()),
    /** Newest first; ids sort by time. `project` null means all. */
    listAudit: (page: { limit: number; before: string | undefined; project: string | null }) => {
      let query = db.selectFrom('audit_log').selectAll()
      if (page.before !== undefined) query = query.where('id', '<', page.before)
      if (page.project !== null) query = query.where('project', '=', page.project)
      return query.orderBy('id', 'desc').limit(page.limit).execute()
    },
  }
}
export type IdentityStore = ReturnType<typeof createIdentityStore>
