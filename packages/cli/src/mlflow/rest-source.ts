import { localFiles } from './local-files.ts'
import { proxiedFiles, type Server } from './proxied-files.ts'
import { createRest } from './rest.ts'
import {
  STAGES,
  type MlflowSource,
  type Pair,
  type RunStatus,
  type SourceMetric,
  type SourceRun,
  type SourceVersion,
} from './source.ts'

/** An int64: a number, or its digits. */
type Int = number | string

type WireMetric = { key: string; value: number | string; timestamp: Int; step?: Int }
type WireRun = {
  info: {
    run_id: string
    experiment_id: string
    run_name?: string
    user_id?: string
    status: RunStatus
    start_time?: Int
    end_time?: Int
    artifact_uri?: string
    lifecycle_stage?: string
  }
  data?: { metrics?: WireMetric[]; params?: Pair[]; tags?: Pair[] }
  inputs?: {
    dataset_inputs?: {
      tags?: Pair[]
      dataset: {
        name: string
        digest: string
        source_type: string
        source: string
        schema?: string
        profile?: string
      }
    }[]
    model_inputs?: { model_id: string }[]
  }
  outputs?: { model_outputs?: { model_id: string; step?: Int }[] }
}
type WireExperiment = {
  experiment_id: string
  name: string
  lifecycle_stage?: string
  creation_time?: Int
  last_update_time?: Int
  tags?: Pair[]
}
type WireLoggedModel = {
  info: {
    model_id: string
    name: string
    model_type?: string
    status: string
    source_run_id?: string
    artifact_uri: string
    creation_timestamp_ms: Int
    last_updated_timestamp_ms: Int
    tags?: Pair[]
  }
  data?: {
    params?: Pair[]
    metrics?: (WireMetric & { run_id?: string; dataset_name?: string; dataset_digest?: string })[]
  }
}
type WireModel = {
  name: string
  description?: string
  creation_timestamp: Int
  last_updated_timestamp: Int
  tags?: Pair[]
  aliases?: { alias: string; version: string | number }[]
}
type WireVersion = {
  version: string | number
  source?: string
  run_id?: string
  run_link?: string
  model_id?: string
  current_stage?: string
  user_id?: string
  description?: string
  tags?: Pair[]
  creation_timestamp: Int
  last_updated_timestamp: Int
}

const HISTORY_PAGE = '25000'

/** A tracking server that speaks MLflow's REST: MLflow 2 and 3, or a Trestle. */
export function openRestSource(server: Server): MlflowSource {
  const rest = createRest(server)
  async function* metrics(run: SourceRun): AsyncGenerator<SourceMetric[]> {
    for (const key of run.metricKeys) {
      let token: string | undefined
      do {
        const answer = await rest.get<{ metrics?: WireMetric[]; next_page_token?: string }>(
          'metrics/get-history',
          {
            run_id: run.runId,
            metric_key: key,
            max_results: HISTORY_PAGE,
            ...(token === undefined ? {} : { page_token: token }),
          }
        )
        yield (answer.metrics ?? []).map(toMetric)
        token = answer.next_page_token
      } while (token !== undefined && token !== '')
    }
  }

  /** A search leaves schemas and profiles of data sets out; reading the run itself does not. */
  const withDatasets = async (run: WireRun): Promise<WireRun> =>
    (run.inputs?.dataset_inputs ?? []).length === 0
      ? run
      : (await rest.get<{ run: WireRun }>('runs/get', { run_id: run.info.run_id })).run

  return {
    label: rest.label,
    experiments: async () =>
      (
        await rest.all<WireExperiment>(async (pageToken) => {
          const answer = await rest.post<{
            experiments?: WireExperiment[]
            next_page_token?: string
          }>('experiments/search', {
            max_results: 1000,
            view_type: 'ALL',
            ...(pageToken === undefined ? {} : { page_token: pageToken }),
          })
          return { items: answer.experiments ?? [], next: answer.next_page_token }
        })
      )
        .map((e) => ({
          id: e.experiment_id,
          name: e.name,
          lifecycleStage: stageOf(e.lifecycle_stage),
          createdAt: Number(e.creation_time ?? 0),
          updatedAt: Number(e.last_update_time ?? 0),
          tags: pairsOf(e.tags),
        }))
        .toSorted((a, b) => a.id.localeCompare(b.id, 'en', { numeric: true })),
    async *runs(experimentId) {
      const runs = rest.pages<WireRun>(async (pageToken) => {
        const answer = await rest.post<{ runs?: WireRun[]; next_page_token?: string }>(
          'runs/search',
          {
            experiment_ids: [experimentId],
            run_view_type: 'ALL',
            max_results: 200,
            order_by: ['attributes.start_time ASC'],
            ...(pageToken === undefined ? {} : { page_token: pageToken }),
          }
        )
        return { items: answer.runs ?? [], next: answer.next_page_token }
      })
      for await (const found of runs) {
        const { info, data, inputs, outputs } = await withDatasets(found)
        yield {
          runId: info.run_id,
          experimentId,
          name: info.run_name ?? '',
          userId: info.user_id ?? '',
          status: info.status,
          startTime: Number(info.start_time ?? 0),
          endTime: info.end_time === undefined ? null : Number(info.end_time),
          artifactUri: info.artifact_uri ?? '',
          lifecycleStage: stageOf(info.lifecycle_stage),
          params: pairsOf(data?.params),
          tags: pairsOf(data?.tags),
          metricKeys: (data?.metrics ?? []).map((m) => m.key),
          datasets: (inputs?.dataset_inputs ?? []).map(({ dataset, tags }) => ({
            name: dataset.name,
            digest: dataset.digest,
            sourceType: dataset.source_type,
            source: dataset.source,
            schema: dataset.schema ?? null,
            profile: dataset.profile ?? null,
            tags: pairsOf(tags),
          })),
          modelInputs: (inputs?.model_inputs ?? []).map((m) => m.model_id),
          modelOutputs: (outputs?.model_outputs ?? []).map((m) => ({
            modelId: m.model_id,
            step: Number(m.step ?? 0),
          })),
        }
      }
    },
    metrics,
    async countMetrics(run) {
      let count = 0
      for await (const points of metrics(run)) count += points.length
      return count
    },
    async *loggedModels(experimentId) {
      const models = rest.pages<WireLoggedModel>(async (pageToken) => {
        const answer = await rest
          .post<{ models?: WireLoggedModel[]; next_page_token?: string }>('logged-models/search', {
            experiment_ids: [experimentId],
            max_results: 50,
            ...(pageToken === undefined ? {} : { page_token: pageToken }),
          })
          .catch((error: unknown) => {
            // MLflow 2 has none of them.
            if (error instanceof Error && / 404 |ENDPOINT_NOT_FOUND/.test(error.message))
              return { models: [], next_page_token: undefined }
            throw error
          })
        return { items: answer.models ?? [], next: answer.next_page_token }
      })
      for await (const { info, data } of models)
        yield {
          modelId: info.model_id,
          name: info.name,
          modelType: info.model_type ?? '',
          status: info.status,
          sourceRunId: info.source_run_id ?? null,
          artifactUri: info.artifact_uri,
          createdAt: Number(info.creation_timestamp_ms),
          updatedAt: Number(info.last_updated_timestamp_ms),
          params: pairsOf(data?.params),
          tags: pairsOf(info.tags),
          metrics: (data?.metrics ?? []).map((m) => ({
            ...toMetric(m),
            runId: m.run_id ?? '',
            datasetName: m.dataset_name ?? '',
            datasetDigest: m.dataset_digest ?? '',
          })),
        }
    },
    async *models() {
      const models = rest.pages<WireModel>(async (pageToken) => {
        const answer = await rest.get<{
          registered_models?: WireModel[]
          next_page_token?: string
        }>('registered-models/search', {
          max_results: '100',
          ...(pageToken === undefined ? {} : { page_token: pageToken }),
        })
        return { items: answer.registered_models ?? [], next: answer.next_page_token }
      })
      for await (const model of models) {
        const versions = await rest.all<WireVersion>(async (pageToken) => {
          const answer = await rest.get<{
            model_versions?: WireVersion[]
            next_page_token?: string
          }>('model-versions/search', {
            filter: `name = '${model.name.replaceAll("'", "\\'")}'`,
            max_results: '200',
            ...(pageToken === undefined ? {} : { page_token: pageToken }),
          })
          return { items: answer.model_versions ?? [], next: answer.next_page_token }
        })
        // Searches may leave aliases out (mlflow/mlflow#16734).
        const { registered_model: whole } = await rest.get<{ registered_model: WireModel }>(
          'registered-models/get',
          { name: model.name }
        )
        yield {
          name: model.name,
          description: model.description ?? null,
          createdAt: Number(model.creation_timestamp),
          updatedAt: Number(model.last_updated_timestamp),
          tags: pairsOf(whole.tags),
          aliases: (whole.aliases ?? []).map((a) => ({
            alias: a.alias,
            version: Number(a.version),
          })),
          versions: versions.map(toVersion).toSorted((a, b) => a.version - b.version),
        }
      }
    },
    files: (uri) =>
      uri.startsWith('mlflow-artifacts:')
        ? proxiedFiles(server, uri.replace(/^mlflow-artifacts:\/*/, ''))
        : localFiles(uri),
    close: async () => undefined,
  }
}

const stageOf = (stage: string | undefined): 'active' | 'deleted' =>
  stage === 'deleted' ? 'deleted' : 'active'

const pairsOf = (pairs: readonly Pair[] | undefined): Pair[] =>
  (pairs ?? []).map(({ key, value }) => ({ key, value: value }))

const toMetric = (m: WireMetric): SourceMetric => ({
  key: m.key,
  value: Number(m.value), // NaN travels as the text "NaN"
  timestamp: Number(m.timestamp),
  step: Number(m.step ?? 0),
})

const toVersion = (v: WireVersion): SourceVersion => ({
  version: Number(v.version),
  source: v.source ?? '',
  runId: v.run_id === undefined || v.run_id === '' ? null : v.run_id,
  modelId: v.model_id ?? /^models:\/+(m-[^/]+)/.exec(v.source ?? '')?.[1] ?? null,
  runLink: v.run_link ?? '',
  stage: STAGES.find((s) => s === v.current_stage) ?? 'None',
  userId: v.user_id ?? '',
  description: v.description ?? '',
  tags: pairsOf(v.tags),
  createdAt: Number(v.creation_timestamp),
  updatedAt: Number(v.last_updated_timestamp),
})
