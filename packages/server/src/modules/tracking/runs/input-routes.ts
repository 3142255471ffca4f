import { z } from 'zod'
import { done } from '../mlflow/done.ts'
import { MAX, truncate } from '../mlflow/limits.ts'
import { invalidParameter } from '../mlflow/mlflow-error.ts'
import { mlflowRoute, type MlflowRoute } from '../mlflow/scope.ts'
import type { DatasetRecord } from './run-records.ts'
import type { RunInputs } from './run-inputs.ts'
import { runOf } from './run-routes.ts'
import { unlessEmpty } from './run-wire.ts'
import type { Runs } from './runs.ts'

const runId = { run_id: z.string().optional(), run_uuid: z.string().optional() }
const step = z.preprocess((v) => (typeof v === 'string' ? Number(v) : v), z.int()).default(0)

/** Sizes are MLflow's (mlflow/utils/validation.py). */
const datasetInput = z.object({
  tags: z
    .array(z.object({ key: z.string().min(1).max(255), value: z.string() }))
    .max(MAX.inputTags)
    .default([]),
  dataset: z.object({
    name: z.string().min(1).max(500),
    digest: z.string().min(1).max(36),
    source_type: z.string().min(1),
    source: z.string().min(1).max(65_535),
    schema: z.string().max(1_048_575).optional(),
    profile: z.string().max(16_777_215).optional(),
  }),
})

export function inputRoutes(deps: { runs: Runs; inputs: RunInputs }): MlflowRoute[] {
  const { runs, inputs } = deps
  return [
    mlflowRoute({
      method: 'POST',
      path: 'runs/log-inputs',
      fields: z.object({
        ...runId,
        datasets: z.array(datasetInput).default([]),
        models: z.array(z.object({ model_id: z.string() })).default([]),
      }),
      handle: async (f, caller) => {
        const run = await runs.getActive(runOf(f, caller))
        await inputs.addDatasets(run, f.datasets.map(toRecord))
        await inputs.addModels(
          run,
          f.models.map((m) => ({ modelId: m.model_id, direction: 'input' as const, step: 0 }))
        )
        return {}
      },
    }),
    mlflowRoute({
      method: 'POST',
      path: 'runs/outputs',
      fields: z.object({
        ...runId,
        models: z.array(z.object({ model_id: z.string(), step })).default([]),
      }),
      handle: async (f, caller) => {
        const run = await runs.getActive(runOf(f, caller))
        const models = f.models.map((m) => ({
          modelId: m.model_id,
          direction: 'output' as const,
          step: m.step,
        }))
        return done(inputs.addModels(run, models))
      },
    }),
    mlflowRoute({
      method: 'POST',
      path: 'experiments/search-datasets',
      fields: z.object({ experiment_ids: z.array(z.string()).default([]) }),
      isRead: true,
      handle: async (f, { project }) => {
        if (
          f.experiment_ids.length === 0 ||
          f.experiment_ids.length > MAX.searchDatasetsExperiments
        )
          throw invalidParameter(
            `SearchDatasets request must specify at least one and at most ${MAX.searchDatasetsExperiments} experiment_ids. Received ${f.experiment_ids.length} experiment_ids.`
          )
        const ids = f.experiment_ids.filter((id) => /^\d{1,15}$/.test(id)).map(Number)
        const summaries = await inputs.summaries(project, ids)
        return unlessEmpty(
          'dataset_summaries',
          summaries.map((s) => ({
            experiment_id: String(s.experimentId),
            name: s.name,
            digest: s.digest,
            ...(s.context === null ? {} : { context: s.context }),
          }))
        )
      },
    }),
  ]
}

const toRecord = ({ dataset, tags }: z.output<typeof datasetInput>): DatasetRecord => ({
  name: dataset.name,
  digest: dataset.digest,
  sourceType: dataset.source_type,
  source: dataset.source,
  schema: dataset.schema ?? null,
  profile: dataset.profile ?? null,
  tags: tags.map((tag) => ({ key: tag.key, value: truncate(tag.value, 500) })),
})
