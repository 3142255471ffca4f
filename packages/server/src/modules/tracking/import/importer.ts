import type { z } from 'zod'
import type { api } from '@trestle/contract'
import { fail } from '../../../platform/errors.ts'
import { pathOfUri } from '../artifacts/artifact-path.ts'
import type { Artifacts } from '../artifacts/artifacts.ts'
import type { ExperimentStore } from '../experiments/experiment-store.ts'
import type { Experiments } from '../experiments/experiments.ts'
import type { LoggedModelStore } from '../logged-models/logged-model-store.ts'
import { MAX, truncate } from '../mlflow/limits.ts'
import type { KeyValue, LoggedMetric, RunRow } from '../runs/run-records.ts'
import type { RunInputs } from '../runs/run-inputs.ts'
import type { RunReader } from '../runs/run-reader.ts'
import type { RunStore } from '../runs/run-store.ts'
import type { createCountStore } from './count-store.ts'

type Body<K extends 'importExperiment' | 'importRun' | 'importLoggedModel'> = z.output<
  (typeof api.importing)[K]['body']
>

const FROM_TAG = 'trestle.importedFrom'
const NAME_TAG = 'mlflow.runName'
/** Rows of one write. */
const BATCH = 1_000

/** Keeps what another tracking server had under its own ids and times. Each step may be taken again. */
export function createImporter(deps: {
  experiments: Experiments
  experimentStore: ExperimentStore
  runs: RunStore
  reader: RunReader
  inputs: RunInputs
  models: LoggedModelStore
  artifacts: Artifacts
  counts: ReturnType<typeof createCountStore>
}) {
  const { experiments, experimentStore, runs, reader, inputs, models, artifacts } = deps

  const getRun = async (project: string, runId: string): Promise<RunRow> => {
    const run = await runs.find(project, runId)
    if (run === undefined) throw fail('resource.not_found', `No run "${runId}"`)
    return run
  }

  const getExperiment = async (project: string, id: string) => {
    const row = /^\d{1,15}$/.test(id) ? await experimentStore.find(project, Number(id)) : undefined
    if (row === undefined) throw fail('resource.not_found', `No experiment "${id}"`)
    return row
  }

  /** A number of the project that nobody has: the wanted one, or the next. */
  const insertExperiment = async (project: string, given: Body<'importExperiment'>) => {
    const row = (id: number) => ({
      project,
      experiment_id: id,
      name: given.name,
      artifact_location: `mlflow-artifacts:/${id}`,
      lifecycle_stage: 'active',
      creation_time: given.createdAt,
      last_update_time: given.updatedAt,
    })
    const wanted = /^[1-9]\d{0,14}$/.test(given.id) ? Number(given.id) : null
    if (wanted !== null && (await experimentStore.insert(row(wanted)))) {
      await experimentStore.reserveId(project, wanted)
      return
    }
    const next = await experimentStore.nextId(project)
    await experimentStore.insert(row(next)) // false: somebody made it meanwhile
  }

  return {
    async experiment(project: string, given: Body<'importExperiment'>) {
      await experiments.ensureDefault(project)
      if ((await experimentStore.findByName(project, given.name)) === undefined)
        await insertExperiment(project, given)
      const row = await experimentStore.findByName(project, given.name)
      if (row === undefined)
        throw fail(
          'resource.conflict',
          `Experiment "${given.name}" was renamed meanwhile; try again`
        )
      for (const tag of given.tags) await experimentStore.setTag(row, tag)
      return {
        experimentId: String(row.experiment_id),
        artifactPath: pathOfUri(row.artifact_location) ?? String(row.experiment_id),
      }
    },

    async run(project: string, given: Body<'importRun'>) {
      const experiment = await getExperiment(project, given.experimentId)
      const known = await runs.find(project, given.runId)
      if (known !== undefined && (await isComplete(known, given)))
        return { isComplete: true, artifactPath: pathOfUri(known.artifact_uri) ?? '' }
      if (known === undefined)
        await runs
          .insert(
            {
              project,
              run_id: given.runId,
              experiment_id: experiment.experiment_id,
              run_name: given.name,
              user_id: given.userId,
              status: given.status,
              start_time: given.startTime,
              end_time: given.endTime,
              artifact_uri: `${experiment.artifact_location}/${given.runId}/artifacts`,
              lifecycle_stage: 'active',
            },
            []
          )
          .catch((cause: unknown) => {
            throw fail('resource.conflict', `Run "${given.runId}" is another project's`, { cause })
          })
      const run = await getRun(project, given.runId)
      const tags = new Map(given.tags.map((t) => [t.key, truncate(t.value, MAX.tagLength)]))
      if (!tags.has(NAME_TAG)) tags.set(NAME_TAG, given.name)
      await runs.update(
        run,
        {
          run_name: given.name,
          status: given.status,
          end_time: given.endTime,
          lifecycle_stage: 'active',
        },
        [...tags].map(([key, value]) => ({ key, value }))
      )
      for (const params of slices(given.params))
        await runs.log(run, {
          metrics: [],
          tags: [],
          params: params.map((p) => ({ key: p.key, value: truncate(p.value, MAX.paramLength) })),
        })
      await inputs.addDatasets(run, given.datasets)
      await inputs.addModels(run, [
        ...given.modelInputs.map((modelId) => ({ modelId, direction: 'input' as const, step: 0 })),
        ...given.modelOutputs.map((m) => ({ ...m, direction: 'output' as const })),
      ])
      return { isComplete: false, artifactPath: pathOfUri(run.artifact_uri) ?? '' }
    },

    async metrics(
      id: { project: string; runId: string },
      points: readonly { key: string; value: number | 'NaN'; timestamp: number; step: number }[]
    ): Promise<void> {
      const run = await getRun(id.project, id.runId)
      for (const metrics of slices(points))
        await runs.log(run, { params: [], tags: [], metrics: metrics.map(toMetric) })
    },

    async end(
      id: { project: string; runId: string },
      given: { from: string; lifecycleStage: 'active' | 'deleted' }
    ): Promise<void> {
      const run = await getRun(id.project, id.runId)
      await runs.update(run, { lifecycle_stage: given.lifecycleStage }, [
        { key: FROM_TAG, value: given.from },
      ])
    },

    async loggedModel(project: string, given: Body<'importLoggedModel'>): Promise<void> {
      const experiment = await getExperiment(project, given.experimentId)
      if ((await models.find(project, given.modelId)) === undefined)
        await models
          .insert(
            {
              model_id: given.modelId,
              project,
              experiment_id: experiment.experiment_id,
              name: given.name,
              artifact_uri: `${experiment.artifact_location}/models/${given.modelId}/artifacts`,
              status: given.status,
              model_type: given.modelType,
              source_run_id: given.sourceRunId,
              lifecycle_stage: 'active',
              creation_timestamp_ms: given.createdAt,
              last_updated_timestamp_ms: given.updatedAt,
            },
            { params: given.params, tags: given.tags }
          )
          .catch((cause: unknown) => {
            throw fail(
              'resource.conflict',
              `Logged model "${given.modelId}" can't be kept: it is another project's, or deleted`,
              { cause }
            )
          })
      else {
        await models.addParams(given.modelId, given.params)
        await models.setTags(given.modelId, given.tags)
      }
      await models.addMetrics(
        given.modelId,
        given.metrics.map((m) => ({ ...m, value: m.value === 'NaN' ? NaN : m.value }))
      )
    },

    async count(
      project: string,
      asked: { runIds: readonly string[]; modelIds: readonly string[] }
    ) {
      let files = 0
      let bytes = 0
      let loggedModels = 0
      const addTree = async (uri: string): Promise<void> => {
        const path = pathOfUri(uri)
        for (const file of path === null ? [] : await artifacts.tree(project, path)) {
          files += 1
          bytes += file.size
        }
      }
      for (const id of asked.runIds) {
        const run = await runs.find(project, id)
        if (run !== undefined) await addTree(run.artifact_uri)
      }
      for (const id of asked.modelIds) {
        const model = await models.find(project, id)
        if (model === undefined) continue
        loggedModels += 1
        await addTree(model.artifact_uri)
      }
      return { ...(await deps.counts.count(project, asked.runIds)), loggedModels, files, bytes }
    },
  }

  /** Whether all of it was here when it had this status and end; a run that went on since is read again. */
  async function isComplete(run: RunRow, given: Body<'importRun'>): Promise<boolean> {
    if (run.status !== given.status || run.end_time !== given.endTime) return false
    const [record] = await reader.read([run])
    return record?.tags.some((tag: KeyValue) => tag.key === FROM_TAG) ?? false
  }
}
export type Importer = ReturnType<typeof createImporter>

function* slices<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += BATCH) yield items.slice(at, at + BATCH)
}

const toMetric = (point: {
  key: string
  value: number | 'NaN'
  timestamp: number
  step: number
}): LoggedMetric => ({
  ...point,
  value: point.value === 'NaN' ? NaN : point.value,
  modelId: null,
  datasetName: '',
  datasetDigest: '',
})
