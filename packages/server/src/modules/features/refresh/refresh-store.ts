import type { Database } from '../../../platform/database/index.ts'
import type { FeatureTables } from '../tables.ts'

export type RefreshRun = Readonly<{
  startedAt: number
  /** Null: under way, or cut off by a crash. */
  endedAt: number | null
  error: string | null
}>

/** The last scheduled run of every view. */
export function createRefreshStore(database: Database) {
  const db = database.as<FeatureTables>()
  return {
    async last(project: string, view: string): Promise<RefreshRun | null> {
      const row = await db
        .selectFrom('feature_refreshes')
        .selectAll()
        .where('project', '=', project)
        .where('view', '=', view)
        .executeTakeFirst()
      return row === undefined
        ? null
        : { startedAt: row.started_at, endedAt: row.ended_at, error: row.error }
    },
    async put(project: string, view: string, run: RefreshRun): Promise<void> {
      const row = { started_at: run.startedAt, ended_at: run.endedAt, error: run.error }
      await db
        .insertInto('feature_refreshes')
        .values({ project, view, ...row })
        .onConflict((c) => c.columns(['project', 'view']).doUpdateSet(row))
        .execute()
    },
  }
}
export type RefreshStore = ReturnType<typeof createRefreshStore>
