import { consistency, type Consistency } from '@trestle/contract'
import type { Database } from '../../../platform/database/index.ts'
import type { FeatureTables } from '../tables.ts'
import { addCounts } from './compare.ts'

const HOUR_MS = 3_600_000
const KEPT_MS = 30 * 24 * HOUR_MS

/** What was checked, by the hour of the reads, for thirty days. */
export function createConsistencyStore(database: Database) {
  const db = database.as<FeatureTables>()
  return {
    async add(project: string, counts: Consistency): Promise<void> {
      const hour = Math.floor(counts.lastReadAt / HOUR_MS) * HOUR_MS
      const { view, version } = counts
      await db.transaction().execute(async (tx) => {
        const known = await tx
          .selectFrom('feature_consistency')
          .select('spec')
          .where('project', '=', project)
          .where('view', '=', view)
          .where('version', '=', version)
          .where('hour', '=', hour)
          .executeTakeFirst()
        const sum =
          known === undefined
            ? counts
            : addCounts(consistency.parse(JSON.parse(known.spec)), counts)
        await tx
          .insertInto('feature_consistency')
          .values({ project, view, version, hour, spec: JSON.stringify(sum) })
          .onConflict((c) =>
            c
              .columns(['project', 'view', 'version', 'hour'])
              .doUpdateSet({ spec: JSON.stringify(sum) })
          )
          .execute()
        await tx
          .deleteFrom('feature_consistency')
          .where('hour', '<', hour - KEPT_MS)
          .execute()
      })
    },

    /** Counts of reads since the hour of `since`, one per view version. */
    async since(project: string, since: number): Promise<Consistency[]> {
      const rows = await db
        .selectFrom('feature_consistency')
        .select('spec')
        .where('project', '=', project)
        .where('hour', '>=', Math.floor(since / HOUR_MS) * HOUR_MS)
        .orderBy('view')
        .orderBy('version')
        .orderBy('hour')
        .execute()
      const sums = new Map<string, Consistency>()
      for (const row of rows) {
        const counts = consistency.parse(JSON.parse(row.spec))
        const id = `${counts.view}@${counts.version}`
        const known = sums.get(id)
        sums.set(id, known === undefined ? counts : addCounts(known, counts))
      }
      return [...sums.values()]
    },
  }
}
export type ConsistencyStore = ReturnType<typeof createConsistencyStore>
