import { sql } from 'kysely'
import type { Database } from '../../../platform/database/index.ts'
import type { TrackingTables } from '../tables.ts'

export type RunCounts = Readonly<{
  runs: number
  params: number
  tags: number
  metrics: number
  datasets: number
}>

/** Tags that importing and naming a run add to those it came with. */
export const OWN_TAGS = ['trestle.importedFrom', 'mlflow.runName']

/** What is kept of some runs. */
export function createCountStore(database: Database) {
  const db = database.as<TrackingTables>()
  return {
    async count(project: string, runIds: readonly string[]): Promise<RunCounts> {
      if (runIds.length === 0) return { runs: 0, params: 0, tags: 0, metrics: 0, datasets: 0 }
      const keys = (
        await db
          .selectFrom('runs')
          .select('run_key')
          .where('project', '=', project)
          .where('run_id', 'in', runIds)
          .execute()
      ).map((row) => row.run_key)
      const rowsOf = async (
        table: 'params' | 'run_tags' | 'metrics' | 'run_datasets'
      ): Promise<number> => {
        if (keys.length === 0) return 0
        let query = db
          .selectFrom(table)
          .select(sql<string | number>`count(*)`.as('n'))
          .where('run_key', 'in', keys)
        if (table === 'run_tags') query = query.where(sql.ref<string>('key'), 'not in', OWN_TAGS)
        return Number((await query.executeTakeFirstOrThrow()).n)
      }
      return {
        runs: keys.length,
        params: await rowsOf('params'),
        tags: await rowsOf('run_tags'),
        metrics: await rowsOf('metrics'),
        datasets: await rowsOf('run_datasets'),
      }
    },
  }
}
