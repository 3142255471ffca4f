import type { Database } from '../../../platform/database/index.ts'
import type { TrackingTables } from '../tables.ts'
import type { DatasetRecord, RunRow } from './run-records.ts'

export type ModelLink = Readonly<{ modelId: string; direction: 'input' | 'output'; step: number }>

export type DatasetSummary = Readonly<{
  experimentId: number
  name: string
  digest: string
  context: string | null
}>

/** Which datasets and models a run read, and which models it made. */
export interface RunInputs {
  addDatasets(run: RunRow, datasets: readonly DatasetRecord[]): Promise<void>
  addModels(run: RunRow, models: readonly ModelLink[]): Promise<void>
  summaries(project: string, experimentIds: readonly number[]): Promise<DatasetSummary[]>
}

const CONTEXT = 'mlflow.data.context'

export function createRunInputs(database: Database): RunInputs {
  const db = database.as<TrackingTables>()
  return {
    addDatasets: (run, datasets) =>
      db.transaction().execute(async (tx) => {
        for (const dataset of datasets) {
          const identity = {
            project: run.project,
            experiment_id: run.experiment_id,
            name: dataset.name,
            digest: dataset.digest,
          }
          await tx
            .insertInto('datasets')
            .values({
              ...identity,
              source_type: dataset.sourceType,
              source: dataset.source,
              schema: dataset.schema,
              profile: dataset.profile,
            })
            .onConflict((c) => c.doNothing())
            .execute()
          const { dataset_key } = await tx
            .selectFrom('datasets')
            .select('dataset_key')
            .where('project', '=', identity.project)
            .where('experiment_id', '=', identity.experiment_id)
            .where('name', '=', identity.name)
            .where('digest', '=', identity.digest)
            .executeTakeFirstOrThrow()
          await tx
            .insertInto('run_datasets')
            .values({
              run_key: run.run_key,
              dataset_key,
              context: dataset.tags.find((tag) => tag.key === CONTEXT)?.value ?? null,
              tags: JSON.stringify(dataset.tags),
            })
            .onConflict((c) => c.doNothing())
            .execute()
        }
      }),
    addModels: (run, models) =>
      db.transaction().execute(async (tx) => {
        for (const model of models)
          await tx
            .insertInto('run_models')
            .values({
              run_key: run.run_key,
              model_id: model.modelId,
              direction: model.direction,
              step: model.step,
            })
            .onConflict((c) => c.doNothing())
            .execute()
      }),
    async summaries(project, experimentIds) {
      if (experimentIds.length === 0) return []
      const rows = await db
        .selectFrom('datasets')
        .innerJoin('run_datasets', 'run_datasets.dataset_key', 'datasets.dataset_key')
        .select([
          'datasets.experiment_id',
          'datasets.name',
          'datasets.digest',
          'run_datasets.context',
        ])
        .distinct()
        .where('datasets.project', '=', project)
        .where('datasets.experiment_id', 'in', experimentIds)
        .orderBy('datasets.name')
        .orderBy('datasets.digest')
        .limit(1_000)
        .execute()
      return rows.map((row) => ({
        experimentId: row.experiment_id,
        name: row.name,
        digest: row.digest,
        context: row.context,
      }))
    },
  }
}
