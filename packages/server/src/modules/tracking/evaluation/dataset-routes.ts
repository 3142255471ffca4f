import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Clock } from '../../../kernel/clock.ts'
import { randomHexId } from '../../../kernel/ids.ts'
import type { Experiments } from '../experiments/experiments.ts'
import { done } from '../mlflow/done.ts'
import { parseFilter } from '../mlflow/filter.ts'
import { EVALUATION_DATASETS } from '../mlflow/grammar.ts'
import { checkMaxResults } from '../mlflow/limits.ts'
import { doesNotExist, invalidParameter } from '../mlflow/mlflow-error.ts'
import { parseOrderBy } from '../mlflow/order-by.ts'
import { decodePageToken, encodePageToken } from '../mlflow/page-token.ts'
import { mlflowRoute, type Caller, type MlflowRoute } from '../mlflow/scope.ts'
import {
  givenRecord,
  hashOf,
  merged,
  toWireRecord,
  userOf,
  widened,
  type GivenRecord,
  type RecordContent,
} from './dataset-records.ts'
import type { DatasetRow, DatasetStore, StoredRecord, Tags } from './dataset-store.ts'

const datasetId = z.object({ dataset_id: z.string() })
const experimentIds = z
  .union([z.string(), z.array(z.string())])
  .default([])
  .transform((ids) => [ids].flat())
const count = z.coerce.number().optional()

/** MLflow's evaluation datasets: examples with expectations, by which GenAI applications are judged (`mlflow.genai.datasets`). */
export function evaluationDatasetRoutes(deps: {
  store: DatasetStore
  experiments: Experiments
  clock: Clock
}): MlflowRoute[] {
  const { store, experiments, clock } = deps

  const get = async (project: string, id: string): Promise<DatasetRow> => {
    const row = await store.find(project, id)
    if (row === undefined) throw doesNotExist(`Evaluation dataset with id '${id}' not found`)
    return row
  }
  const answer = async (project: string, id: string) => ({
    dataset: toWire(await get(project, id), (await store.tagsOf([id])).get(id) ?? {}),
  })
  const experimentsOf = async (project: string, ids: readonly string[]): Promise<number[]> =>
    Promise.all(ids.map(async (id) => (await experiments.get(project, id)).experiment_id))

  const upsert = async (id: string, given: readonly GivenRecord[]) => {
    const at = clock.now()
    const counts = { inserted_count: 0, updated_count: 0 }
    const isThere = await store.changeRecords(
      id,
      given.map((record) => hashOf(record.inputs)),
      (there, dataset) => {
        const known = new Map<string, StoredRecord>(there.map((row) => [row.input_hash, row]))
        const changed = new Map<string, StoredRecord>()
        for (const record of given) {
          const hash = hashOf(record.inputs)
          const old = known.get(hash)
          counts[old === undefined ? 'inserted_count' : 'updated_count']++
          const content = merged(
            old === undefined ? null : (JSON.parse(old.content) as RecordContent), // as we wrote it
            record,
            at
          )
          const row = {
            input_hash: hash,
            record_id: old?.record_id ?? `dr-${randomHexId()}`,
            created_time: old?.created_time ?? at,
            content: JSON.stringify(content),
          }
          known.set(hash, row)
          changed.set(hash, row)
        }
        const user = given.map((record) => userOf(record.tags)).findLast((name) => name !== null)
        return {
          put: [...changed.values()],
          dataset: {
            schema: widened(dataset.schema, given),
            records: dataset.records + counts.inserted_count,
            last_update_time: at,
            digest: digestOf(dataset.name, at),
            ...(user === undefined ? {} : { last_updated_by: user }),
          },
        }
      }
    )
    if (!isThere) throw doesNotExist(`Evaluation dataset with id '${id}' not found`)
    return counts
  }

  const search = async (
    f: {
      experiment_ids: string[]
      filter_string?: string | undefined
      order_by: string[]
      max_results?: number | undefined
      page_token?: string | undefined
    },
    { project }: Caller
  ) => {
    const query = JSON.stringify([f.experiment_ids, f.filter_string, f.order_by])
    const { rows, last } = await store.search({
      project,
      experimentIds: f.experiment_ids.map(Number).filter(Number.isInteger),
      clauses: parseFilter(f.filter_string, EVALUATION_DATASETS),
      orderBy: parseOrderBy(f.order_by, EVALUATION_DATASETS),
      after: decodePageToken(f.page_token, query),
      limit: checkMaxResults(f.max_results, { byDefault: 1_000, most: 50_000 }),
    })
    const tags = await store.tagsOf(rows.map((row) => row.dataset_id))
    return {
      datasets: rows.map((row) => toWire(row, tags.get(row.dataset_id) ?? {})),
      ...(last === null ? {} : { next_page_token: encodePageToken(query, last) }),
    }
  }

  return [
    mlflowRoute({
      method: 'POST',
      path: 'datasets/create',
      fields: z.object({
        name: z.string().min(1),
        experiment_ids: experimentIds,
        tags: z.string().optional(),
      }),
      handle: async (f, { project }) => {
        const at = clock.now()
        const tags = readTags(f.tags)
        const row = {
          dataset_id: `d-${randomHexId()}`,
          ...{ project, name: f.name, digest: digestOf(f.name, at), schema: null, records: 0 },
          ...{ created_time: at, last_update_time: at },
          ...{ created_by: userOf(tags), last_updated_by: userOf(tags) },
        }
        await store.insert(row, tags, await experimentsOf(project, f.experiment_ids))
        return answer(project, row.dataset_id)
      },
    }),
    ...(['GET', 'POST'] as const).map((method) =>
      mlflowRoute({
        method,
        path: 'datasets/search',
        fields: z.object({
          experiment_ids: experimentIds,
          filter_string: z.string().optional(),
          order_by: experimentIds,
          max_results: count,
          page_token: z.string().optional(),
        }),
        isRead: true,
        handle: search,
      })
    ),
    mlflowRoute({
      method: 'GET',
      path: 'datasets/:dataset_id',
      fields: datasetId,
      handle: async (f, { project }) => answer(project, f.dataset_id),
    }),
    mlflowRoute({
      method: 'DELETE',
      path: 'datasets/:dataset_id',
      fields: datasetId,
      handle: async (f, { project }) => {
        // As in MLflow, one that is not there is as good as deleted.
        if ((await store.find(project, f.dataset_id)) !== undefined)
          await store.remove(f.dataset_id)
        return {}
      },
    }),
    mlflowRoute({
      method: 'PATCH',
      path: 'datasets/:dataset_id/tags',
      fields: datasetId.extend({ tags: z.string() }),
      handle: async (f, { project }) => {
        await get(project, f.dataset_id)
        await store.setTags(f.dataset_id, readTags(f.tags))
        return answer(project, f.dataset_id)
      },
    }),
    mlflowRoute({
      method: 'DELETE',
      path: 'datasets/:dataset_id/tags/:key',
      fields: datasetId.extend({ key: z.string() }),
      handle: async (f, { project }) => {
        await get(project, f.dataset_id)
        return done(store.deleteTag(f.dataset_id, f.key))
      },
    }),
    mlflowRoute({
      method: 'GET',
      path: 'datasets/:dataset_id/experiment-ids',
      fields: datasetId,
      handle: async (f, { project }) => {
        await get(project, f.dataset_id)
        return { experiment_ids: (await store.experimentsOf(f.dataset_id)).map(String) }
      },
    }),
    mlflowRoute({
      method: 'POST',
      path: 'datasets/:dataset_id/add-experiments',
      fields: datasetId.extend({ experiment_ids: experimentIds }),
      handle: async (f, { project }) => {
        await get(project, f.dataset_id)
        await store.addExperiments(f.dataset_id, await experimentsOf(project, f.experiment_ids))
        return answer(project, f.dataset_id)
      },
    }),
    mlflowRoute({
      method: 'POST',
      path: 'datasets/:dataset_id/remove-experiments',
      fields: datasetId.extend({ experiment_ids: experimentIds }),
      handle: async (f, { project }) => {
        await get(project, f.dataset_id)
        await store.removeExperiments(f.dataset_id, f.experiment_ids.map(Number))
        return answer(project, f.dataset_id)
      },
    }),
    mlflowRoute({
      method: 'POST',
      path: 'datasets/:dataset_id/records',
      fields: datasetId.extend({ records: z.string() }),
      handle: async (f, { project }) => {
        await get(project, f.dataset_id)
        return upsert(f.dataset_id, readRecords(f.records))
      },
    }),
    mlflowRoute({
      method: 'GET',
      path: 'datasets/:dataset_id/records',
      fields: datasetId.extend({ max_results: count, page_token: z.string().optional() }),
      handle: async (f, { project }) => {
        await get(project, f.dataset_id)
        const { rows, last } = await store.records(
          f.dataset_id,
          decodePageToken(f.page_token, f.dataset_id),
          checkMaxResults(f.max_results === 0 ? undefined : f.max_results, {
            byDefault: 1_000,
            most: 50_000,
          })
        )
        return {
          records: JSON.stringify(rows.map((row) => toWireRecord(row, f.dataset_id))),
          ...(last === null ? {} : { next_page_token: encodePageToken(f.dataset_id, last) }),
        }
      },
    }),
    mlflowRoute({
      method: 'DELETE',
      path: 'datasets/:dataset_id/records',
      fields: datasetId.extend({ dataset_record_ids: z.array(z.string()).max(10_000) }),
      handle: async (f, { project }) => {
        await get(project, f.dataset_id)
        return {
          deleted_count: await store.removeRecords(f.dataset_id, f.dataset_record_ids, clock.now()),
        }
      },
    }),
  ]
}

const digestOf = (name: string, at: number): string =>
  createHash('sha256').update(`${name}:${at}`).digest('hex').slice(0, 8)

/** Tags come as JSON in a text; those that are null are left out. */
function readTags(text: string | undefined): Tags {
  const parsed = z.record(z.string(), z.unknown()).safeParse(readJson(text ?? '{}', 'tags'))
  if (!parsed.success) throw invalidParameter('tags must be a JSON object')
  return Object.fromEntries(
    Object.entries(parsed.data).flatMap(([key, value]) =>
      value === null ? [] : [[key, typeof value === 'string' ? value : JSON.stringify(value)]]
    )
  )
}

function readRecords(text: string): GivenRecord[] {
  const parsed = z.array(givenRecord).safeParse(readJson(text, 'records'))
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw invalidParameter(
    `records must be a JSON list of objects with inputs: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`
  )
}

function readJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw Object.assign(invalidParameter(`${name} is not valid JSON`), { cause: error })
  }
}

const toWire = (row: DatasetRow, tags: Tags) => ({
  dataset_id: row.dataset_id,
  name: row.name,
  tags: JSON.stringify(tags),
  digest: row.digest,
  created_time: row.created_time,
  last_update_time: row.last_update_time,
  ...(row.schema === null ? {} : { schema: row.schema }),
  ...(row.records === 0 ? {} : { profile: JSON.stringify({ num_records: row.records }) }),
  ...(row.created_by === null ? {} : { created_by: row.created_by }),
  ...(row.last_updated_by === null ? {} : { last_updated_by: row.last_updated_by }),
})
