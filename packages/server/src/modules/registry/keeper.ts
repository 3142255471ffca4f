import type { Database } from '../../platform/database/index.ts'
import type { Keeper } from '../tracking/index.ts'
import type { VersionFile } from './model-version.ts'
import type { RegistryTables } from './tables.ts'
import type { VersionFolder } from './version-folder.ts'

/** The files of versions, and the runs and logged models that versions came from. A deleted version's record stays, for the history; its files go. */
export function registryKeeper(database: Database, folder: VersionFolder): Keeper {
  const db = database.as<RegistryTables>()
  return {
    async blobsOf(digests) {
      if (digests.length === 0) return []
      const rows = await db
        .selectFrom('model_version_files')
        .select('digest')
        .distinct()
        .where('digest', 'in', digests)
        .execute()
      return rows.map((row) => row.digest)
    },
    async holds(project) {
      const row = await db
        .selectFrom('registered_models')
        .select('name')
        .where('project', '=', project)
        .limit(1)
        .executeTakeFirst()
      return row !== undefined
    },
    async sourcesOf(ids) {
      if (ids.length === 0) return []
      const rows = await db
        .selectFrom('model_versions')
        .select(['run_id', 'model_id'])
        .where('lifecycle_stage', '=', 'active')
        .where((is) => is.or([is('run_id', 'in', ids), is('model_id', 'in', ids)]))
        .execute()
      return rows.flatMap((row) => [row.run_id, row.model_id]).filter((id) => id !== null)
    },
    async forget(before) {
      await db
        .deleteFrom('model_version_files')
        .where('version_key', 'in', (q) =>
          q
            .selectFrom('model_versions')
            .select('version_key')
            .where('lifecycle_stage', '=', 'deleted')
            .where('updated_at', '<', before)
        )
        .execute()
      const files = await db
        .selectFrom('model_version_files')
        .select(['version_key', 'path', 'digest', 'size'])
        .execute()
      const versions = new Map<number, VersionFile[]>()
      for (const { version_key, ...file } of files)
        versions.set(version_key, [...(versions.get(version_key) ?? []), file])
      await folder.keepOnly([...versions.values()])
    },
  }
}
