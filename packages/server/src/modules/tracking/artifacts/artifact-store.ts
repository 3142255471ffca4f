import type { Kysely } from 'kysely'
import type { Digest } from '../../../platform/blobs/index.ts'
import type { Database } from '../../../platform/database/index.ts'
import { invalidParameter } from '../mlflow/mlflow-error.ts'
import type { TrackingTables } from '../tables.ts'

export type StoredFile = Readonly<{ path: string; digest: Digest; size: number }>

/** Which path holds which bytes. A folder is there as long as it has files. */
export interface ArtifactStore {
  /** Records a file, in place of what was at its path. Refuses a path that runs through a file, or is a folder. */
  put(file: StoredFile & { project: string; at: number }): Promise<void>
  find(project: string, path: string): Promise<StoredFile | undefined>
  /** Every file below a folder, at any depth, by path. */
  below(project: string, folder: string): Promise<StoredFile[]>
  /** Removes a file, or a folder with all it holds. Says whether there was something. */
  remove(project: string, path: string): Promise<boolean>
}

export function createArtifactStore(database: Database): ArtifactStore {
  const db = database.as<TrackingTables>()
  return {
    put: ({ project, path, digest, size, at }) =>
      db.transaction().execute(async (tx) => {
        await refuseClash(tx, project, path)
        await tx
          .insertInto('artifacts')
          .values({ project, path, digest, size, updated_at: at })
          .onConflict((c) =>
            c.columns(['project', 'path']).doUpdateSet({ digest, size, updated_at: at })
          )
          .execute()
      }),
    find: (project, path) =>
      db
        .selectFrom('artifacts')
        .select(['path', 'digest', 'size'])
        .where('project', '=', project)
        .where('path', '=', path)
        .executeTakeFirst(),
    below: (project, folder) => {
      const query = db
        .selectFrom('artifacts')
        .select(['path', 'digest', 'size'])
        .where('project', '=', project)
        .orderBy('path')
      if (folder === '') return query.execute()
      return query
        .where('path', '>=', `${folder}/`)
        .where('path', '<', afterFolder(folder))
        .execute()
    },
    async remove(project, path) {
      const result = await db
        .deleteFrom('artifacts')
        .where('project', '=', project)
        .where((e) =>
          e.or([
            e('path', '=', path),
            e.and([e('path', '>=', `${path}/`), e('path', '<', afterFolder(path))]),
          ])
        )
        .executeTakeFirst()
      return result.numDeletedRows > 0n
    },
  }
}

/** `0` follows `/` in byte order, so that a folder's files are one range of the index. */
const afterFolder = (folder: string): string => `${folder}0`

async function refuseClash(
  db: Kysely<TrackingTables>,
  project: string,
  path: string
): Promise<void> {
  const parts = path.split('/')
  const ancestors = parts.slice(1).map((_part, i) => parts.slice(0, i + 1).join('/'))
  const clash = await db
    .selectFrom('artifacts')
    .select('path')
    .where('project', '=', project)
    .where((e) =>
      e.or([
        ...(ancestors.length === 0 ? [] : [e('path', 'in', ancestors)]),
        e.and([e('path', '>=', `${path}/`), e('path', '<', afterFolder(path))]),
      ])
    )
    .limit(1)
    .executeTakeFirst()
  if (clash === undefined) return
  throw invalidParameter(
    clash.path.startsWith(`${path}/`)
      ? `Invalid path: ${path} is a folder`
      : `Invalid path: ${clash.path} is a file, not a folder`
  )
}
