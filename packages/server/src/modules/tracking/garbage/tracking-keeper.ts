import type { Database } from '../../../platform/database/index.ts'
import type { TrackingTables } from '../tables.ts'
import type { Keeper } from './keeper.ts'

/** Tracking's own: the files that artifacts and unfinished uploads are made of. */
export function trackingKeeper(database: Database): Keeper {
  const db = database.as<TrackingTables>()
  return {
    forget: async () => {},
    holds: async () => false,
    sourcesOf: async () => [],
    async blobsOf(digests) {
      if (digests.length === 0) return []
      const rows = await Promise.all(
        (['artifacts', 'artifact_upload_parts'] as const).map((table) =>
          db.selectFrom(table).select('digest').distinct().where('digest', 'in', digests).execute()
        )
      )
      return rows.flat().map((row) => row.digest)
    },
  }
}
