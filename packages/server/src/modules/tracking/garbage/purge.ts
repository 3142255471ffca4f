import { sql, type Kysely, type SqlBool } from 'kysely'
import type { Database } from '../../../platform/database/index.ts'
import { pathOfUri } from '../artifacts/artifact-path.ts'
import type { ArtifactStore } from '../artifacts/artifact-store.ts'
import type { TrackingTables } from '../tables.ts'

/** A deleted run or logged model, by the id that the world knows. */
export type Deleted = Readonly<{ id: string; project: string; artifactUri: string }>

/** Takes deleted records away for good. What was restored meanwhile stays. */
export interface Purge {
  /** Deleted before `before`, `limit` at a time, in the order of their ids. */
  runs(before: number, after: string, limit: number): Promise<readonly Deleted[]>
  loggedModels(before: number, after: string, limit: number): Promise<readonly Deleted[]>
  /** Says whether it was still deleted. */
  removeRun(run: Deleted): Promise<boolean>
  removeLoggedModel(model: Deleted): Promise<boolean>
  /** Deleted experiments that hold no run, logged model or trace any more; their names are free again. */
  emptyExperiments(before: number): Promise<readonly { project: string; id: number }[]>
  removeExperiment(experiment: { project: string; id: number }): Promise<void>
  /** Parts of uploads that were begun before `before` and never completed. */
  removeUploads(before: number): Promise<void>
}

export function createPurge(deps: { database: Database; artifacts: ArtifactStore }): Purge {
  const db = deps.database.as<TrackingTables>()

  const removeFiles = async ({ project, artifactUri }: Deleted): Promise<void> => {
    const path = pathOfUri(artifactUri)
    // The root is no run's own folder.
    if (path !== null && path !== '') await deps.artifacts.remove(project, path)
  }

  return {
    async runs(before, after, limit) {
      const rows = await db
        .selectFrom('runs')
        .select(['run_id', 'project', 'artifact_uri'])
        .where('deleted_at', '<', before)
        .where('run_id', '>', after)
        .orderBy('run_id')
        .limit(limit)
        .execute()
      return rows.map((row) => ({
        id: row.run_id,
        project: row.project,
        artifactUri: row.artifact_uri,
      }))
    },
    async loggedModels(before, after, limit) {
      const rows = await db
        .selectFrom('logged_models')
        .select(['model_id', 'project', 'artifact_uri'])
        .where('lifecycle_stage', '=', 'deleted')
        .where('last_updated_timestamp_ms', '<', before)
        .where('model_id', '>', after)
        .orderBy('model_id')
        .limit(limit)
        .execute()
      return rows.map((row) => ({
        id: row.model_id,
        project: row.project,
        artifactUri: row.artifact_uri,
      }))
    },
    async removeRun(run) {
      const isGone = await db.transaction().execute(async (tx) => {
        const row = await tx
          .deleteFrom('runs')
          .where('run_id', '=', run.id)
          .where('lifecycle_stage', '=', 'deleted')
          .returning('run_key')
          .executeTakeFirst()
        if (row !== undefined) await removeRowsOfRun(tx, row.run_key, run.id)
        return row !== undefined
      })
      if (isGone) await removeFiles(run)
      return isGone
    },
    async removeLoggedModel(model) {
      const isGone = await db.transaction().execute(async (tx) => {
        const { numDeletedRows } = await tx
          .deleteFrom('logged_models')
          .where('model_id', '=', model.id)
          .where('lifecycle_stage', '=', 'deleted')
          .executeTakeFirst()
        if (numDeletedRows === 0n) return false
        for (const table of [
          'logged_model_params',
          'logged_model_tags',
          'logged_model_metrics',
        ] as const)
          await tx.deleteFrom(table).where('model_id', '=', model.id).execute()
        return true
      })
      if (isGone) await removeFiles(model)
      return isGone
    },
    async emptyExperiments(before) {
      const rows = await db
        .selectFrom('experiments as e')
        .select(['e.project', 'e.experiment_id'])
        .where('e.lifecycle_stage', '=', 'deleted')
        .where('e.last_update_time', '<', before)
        .where(holdsNone('runs'))
        .where(holdsNone('logged_models'))
        .where(holdsNone('traces'))
        .execute()
      return rows.map((row) => ({ project: row.project, id: row.experiment_id }))
    },
    removeExperiment: ({ project, id }) =>
      db.transaction().execute(async (tx) => {
        const { numDeletedRows } = await tx
          .deleteFrom('experiments')
          .where('project', '=', project)
          .where('experiment_id', '=', id)
          .where('lifecycle_stage', '=', 'deleted')
          .executeTakeFirst()
        if (numDeletedRows === 0n) return
        for (const table of ['experiment_tags', 'datasets'] as const)
          await tx
            .deleteFrom(table)
            .where('project', '=', project)
            .where('experiment_id', '=', id)
            .execute()
      }),
    async removeUploads(before) {
      const old = db
        .selectFrom('artifact_uploads')
        .select('upload_id')
        .where('created_at', '<', before)
      await db.deleteFrom('artifact_upload_parts').where('upload_id', 'in', old).execute()
      await db.deleteFrom('artifact_uploads').where('created_at', '<', before).execute()
    },
  }
}

const holdsNone = (table: string) =>
  sql<SqlBool>`not exists (select 1 from ${sql.table(table)} as held where held.project = e.project and held.experiment_id = e.experiment_id)`

async function removeRowsOfRun(
  tx: Kysely<TrackingTables>,
  runKey: number,
  runId: string
): Promise<void> {
  for (const table of [
    'params',
    'run_tags',
    'metrics',
    'latest_metrics',
    'run_datasets',
    'run_models',
  ] as const)
    await tx.deleteFrom(table).where('run_key', '=', runKey).execute()
  await tx.deleteFrom('logged_model_metrics').where('run_id', '=', runId).execute()
}
