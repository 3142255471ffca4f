import { localFiles } from './local-files.ts'
import { openDatabase, type Rows } from './open-database.ts'
import { proxiedFiles } from './proxied-files.ts'
import {
  STAGES,
  UnreadableArtifacts,
  type MlflowSource,
  type Pair,
  type RunStatus,
  type SourceDataset,
  type SourceExperiment,
  type SourceFile,
  type SourceLoggedModel,
  type SourceMetric,
  type SourceModel,
  type SourceRun,
  type SourceVersion,
} from './source.ts'

const PAGE = 200
const METRICS_PAGE = 5_000

/** mlflow/entities/logged_model_status.py */
const MODEL_STATUS: Readonly<Record<number, string>> = {
  1: 'LOGGED_MODEL_PENDING',
  2: 'LOGGED_MODEL_READY',
  3: 'LOGGED_MODEL_UPLOAD_FAILED',
}

type Row = Readonly<Record<string, unknown>>
const text = (row: Row, column: string): string => textOrNull(row, column) ?? ''
const textOrNull = (row: Row, column: string): string | null => {
  const value = row[column]
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : null
}
const number = (row: Row, column: string): number => Number(row[column] ?? 0)
const isDeleted = (row: Row): 'active' | 'deleted' =>
  text(row, 'lifecycle_stage') === 'deleted' ? 'deleted' : 'active'

/**
 * MLflow's own database (mlflow/store/tracking/dbmodels/models.py, model_registry/dbmodels/models.py), read only. `artifacts` says where the server
 * keeps what it proxies: a folder here, or the address of a running server.
 */
export async function openSqlSource(
  url: string,
  options: { artifacts: string | null }
): Promise<MlflowSource> {
  const database = await openDatabase(url)
  const { rows } = database
  const has = await tablesOf(rows)
  if (!has.has('experiments') || !has.has('runs')) {
    await database.close()
    throw new Error(`${database.label} is no MLflow database: it has no table "runs"`)
  }

  const childrenOf = async (
    table: string,
    by: { column: string; ids: readonly string[] }
  ): Promise<Map<string, Row[]>> =>
    by.ids.length === 0 || !has.has(table)
      ? new Map()
      : Map.groupBy(
          await rows(
            `select * from ${table} where ${by.column} in (${by.ids.map((_, i) => `$${i + 1}`).join(', ')})`,
            by.ids
          ),
          (row) => text(row, by.column)
        )

  async function readRuns(found: readonly Row[]): Promise<SourceRun[]> {
    const ids = found.map((row) => text(row, 'run_uuid'))
    const params = await childrenOf('params', { column: 'run_uuid', ids })
    const tags = await childrenOf('tags', { column: 'run_uuid', ids })
    const keys = await childrenOf('latest_metrics', { column: 'run_uuid', ids })
    const read = await childrenOf('inputs', { column: 'destination_id', ids })
    const made = await childrenOf('inputs', { column: 'source_id', ids })
    const datasetInputs = [...read.values()]
      .flat()
      .filter((i) => text(i, 'source_type') === 'DATASET')
    const datasets = await childrenOf('datasets', {
      column: 'dataset_uuid',
      ids: [...new Set(datasetInputs.map((i) => text(i, 'source_id')))],
    })
    const inputTags = await childrenOf('input_tags', {
      column: 'input_uuid',
      ids: datasetInputs.map((i) => text(i, 'input_uuid')),
    })
    return found.map((row) => {
      const id = text(row, 'run_uuid')
      const links = made.get(id) ?? []
      const linked = (type: string) => links.filter((l) => text(l, 'source_type') === type)
      const ownTags = (tags.get(id) ?? []).map(toPair)
      return {
        runId: id,
        experimentId: text(row, 'experiment_id'),
        name: text(row, 'name') || (ownTags.find((t) => t.key === 'mlflow.runName')?.value ?? ''),
        userId: text(row, 'user_id'),
        status: text(row, 'status') as RunStatus, // MLflow writes only these
        startTime: number(row, 'start_time'),
        endTime: row['end_time'] == null ? null : number(row, 'end_time'),
        artifactUri: text(row, 'artifact_uri'),
        lifecycleStage: isDeleted(row),
        params: (params.get(id) ?? []).map(toPair),
        tags: ownTags,
        metricKeys: (keys.get(id) ?? []).map((k) => text(k, 'key')),
        datasets: (read.get(id) ?? []).flatMap((input) => {
          const dataset = datasets.get(text(input, 'source_id'))?.[0]
          const of = inputTags.get(text(input, 'input_uuid')) ?? []
          return dataset === undefined ? [] : [toDataset(dataset, of)]
        }),
        modelInputs: linked('RUN_INPUT').map((l) => text(l, 'destination_id')),
        modelOutputs: linked('RUN_OUTPUT').map((l) => ({
          modelId: text(l, 'destination_id'),
          step: number(l, 'step'),
        })),
      }
    })
  }

  return {
    label: database.label,
    async experiments() {
      const tags = Map.groupBy(await rows('select * from experiment_tags', []), (row) =>
        text(row, 'experiment_id')
      )
      return (await rows('select * from experiments order by experiment_id', [])).map(
        (row): SourceExperiment => ({
          id: text(row, 'experiment_id'),
          name: text(row, 'name'),
          lifecycleStage: isDeleted(row),
          createdAt: number(row, 'creation_time'),
          updatedAt: number(row, 'last_update_time'),
          tags: (tags.get(text(row, 'experiment_id')) ?? []).map(toPair),
        })
      )
    },
    async *runs(experimentId) {
      let after: { at: number; id: string } = { at: -1, id: '' }
      for (;;) {
        const found = await rows(
          `select * from runs where experiment_id = $1 and (coalesce(start_time, 0) > $2 or (coalesce(start_time, 0) = $3 and run_uuid > $4))
           order by coalesce(start_time, 0), run_uuid limit ${PAGE}`,
          [Number(experimentId), after.at, after.at, after.id]
        )
        const last = found.at(-1)
        if (last === undefined) return
        yield* await readRuns(found)
        after = { at: number(last, 'start_time'), id: text(last, 'run_uuid') }
      }
    },
    async *metrics(run) {
      // By key: a run's history may not fit into memory, and each key's index range is read whole.
      const keys = await rows('select distinct key from metrics where run_uuid = $1', [run.runId])
      for (const { key } of keys)
        for (let offset = 0; ; offset += METRICS_PAGE) {
          const found = await rows(
            `select * from metrics where run_uuid = $1 and key = $2
             order by timestamp, step, value, is_nan limit ${METRICS_PAGE} offset ${offset}`,
            [run.runId, String(key)]
          )
          if (found.length > 0) yield found.map(toMetric)
          if (found.length < METRICS_PAGE) break
        }
    },
    async countMetrics(run) {
      const [row] = await rows('select count(*) as n from metrics where run_uuid = $1', [run.runId])
      return Number(row?.['n'] ?? 0)
    },
    async *loggedModels(experimentId) {
      if (!has.has('logged_models')) return
      const found = await rows(
        `select * from logged_models where experiment_id = $1 and lifecycle_stage = 'active' order by creation_timestamp_ms, model_id`,
        [Number(experimentId)]
      )
      for (let at = 0; at < found.length; at += PAGE) {
        const some = found.slice(at, at + PAGE)
        const ids = some.map((row) => text(row, 'model_id'))
        const params = await childrenOf('logged_model_params', { column: 'model_id', ids })
        const tags = await childrenOf('logged_model_tags', { column: 'model_id', ids })
        const metrics = await childrenOf('logged_model_metrics', { column: 'model_id', ids })
        for (const row of some) {
          const id = text(row, 'model_id')
          yield {
            modelId: id,
            name: text(row, 'name'),
            modelType: text(row, 'model_type'),
            status: MODEL_STATUS[number(row, 'status')] ?? 'LOGGED_MODEL_READY',
            sourceRunId: textOrNull(row, 'source_run_id'),
            artifactUri: text(row, 'artifact_location'),
            createdAt: number(row, 'creation_timestamp_ms'),
            updatedAt: number(row, 'last_updated_timestamp_ms'),
            params: (params.get(id) ?? []).map((p) => ({
              key: text(p, 'param_key'),
              value: text(p, 'param_value'),
            })),
            tags: (tags.get(id) ?? []).map((t) => ({
              key: text(t, 'tag_key'),
              value: text(t, 'tag_value'),
            })),
            metrics: (metrics.get(id) ?? []).map((m) => ({
              key: text(m, 'metric_name'),
              value: number(m, 'metric_value'),
              timestamp: number(m, 'metric_timestamp_ms'),
              step: number(m, 'metric_step'),
              runId: text(m, 'run_id'),
              datasetName: text(m, 'dataset_name'),
              datasetDigest: text(m, 'dataset_digest'),
            })),
          } satisfies SourceLoggedModel
        }
      }
    },
    async *models() {
      const names = await rows('select * from registered_models order by name', [])
      for (const row of names) {
        const name = text(row, 'name')
        const of = (table: string, order: string): Promise<Row[]> =>
          has.has(table)
            ? rows(`select * from ${table} where name = $1 order by ${order}`, [name])
            : Promise.resolve([])
        const versions = await of('model_versions', 'version')
        const tags = Map.groupBy(await of('model_version_tags', 'version'), (t) =>
          number(t, 'version')
        )
        yield {
          name,
          description: textOrNull(row, 'description'),
          createdAt: number(row, 'creation_time'),
          updatedAt: number(row, 'last_updated_time'),
          tags: (await of('registered_model_tags', 'key')).map(toPair),
          aliases: (await of('registered_model_aliases', 'alias')).map((a) => ({
            alias: text(a, 'alias'),
            version: number(a, 'version'),
          })),
          versions: versions
            .filter((v) => text(v, 'current_stage') !== 'Deleted_Internal')
            .map((v): SourceVersion => ({
              version: number(v, 'version'),
              source: text(v, 'source'),
              runId: text(v, 'run_id') === '' ? null : text(v, 'run_id'),
              modelId: /^models:\/+(m-[^/]+)/.exec(text(v, 'source'))?.[1] ?? null,
              runLink: text(v, 'run_link'),
              stage: STAGES.find((s) => s === text(v, 'current_stage')) ?? 'None',
              userId: text(v, 'user_id'),
              description: text(v, 'description'),
              tags: (tags.get(number(v, 'version')) ?? []).map(toPair),
              createdAt: number(v, 'creation_time'),
              updatedAt: number(v, 'last_updated_time'),
            })),
        } satisfies SourceModel
      }
    },
    files: (uri): AsyncIterable<SourceFile> => {
      if (/^mlflow-artifacts:/.test(uri)) {
        const { artifacts } = options
        if (artifacts === null)
          throw new UnreadableArtifacts(
            'the server keeps these artifacts: give --artifacts <its folder, or its address>'
          )
        const path = uri.replace(/^mlflow-artifacts:\/*(?:[^/]*:\d+\/)?/, '')
        return /^https?:/.test(artifacts)
          ? proxiedFiles({ url: artifacts, headers: {} }, path)
          : localFiles(`${artifacts}/${path}`)
      }
      return localFiles(uri)
    },
    close: () => database.close(),
  }
}

async function tablesOf(rows: Rows): Promise<Set<string>> {
  const names = [
    'experiments',
    'runs',
    'inputs',
    'input_tags',
    'datasets',
    'latest_metrics',
    'params',
    'tags',
    'logged_models',
    'logged_model_params',
    'logged_model_tags',
    'logged_model_metrics',
    'model_versions',
    'model_version_tags',
    'registered_model_tags',
    'registered_model_aliases',
  ]
  const found = new Set<string>()
  for (const name of names)
    await rows(`select * from ${name} limit 0`, []).then(
      () => found.add(name),
      () => undefined // older versions of MLflow have fewer tables
    )
  return found
}

const toPair = (row: Row): Pair => ({ key: text(row, 'key'), value: text(row, 'value') })

const toMetric = (row: Row): SourceMetric => ({
  key: text(row, 'key'),
  value: Number(row['is_nan']) === 1 || row['is_nan'] === true ? NaN : number(row, 'value'),
  timestamp: number(row, 'timestamp'),
  step: number(row, 'step'),
})

const toDataset = (row: Row, tags: readonly Row[]): SourceDataset => ({
  name: text(row, 'name'),
  digest: text(row, 'digest'),
  sourceType: text(row, 'dataset_source_type'),
  source: text(row, 'dataset_source'),
  schema: textOrNull(row, 'dataset_schema'),
  profile: textOrNull(row, 'dataset_profile'),
  tags: tags.map((t) => ({ key: text(t, 'name'), value: text(t, 'value') })),
})
