import { z } from 'zod'
import type { Clock } from '../../../kernel/clock.ts'
import { randomHexId } from '../../../kernel/ids.ts'
import { pathOfUri, joinPath } from '../artifacts/artifact-path.ts'
import type { Artifacts } from '../artifacts/artifacts.ts'
import type { Experiments } from '../experiments/experiments.ts'
import { done } from '../mlflow/done.ts'
import { parseFilter } from '../mlflow/filter.ts'
import { LOGGED_MODELS } from '../mlflow/grammar.ts'
import { checkKey, checkMaxResults, MAX, truncate } from '../mlflow/limits.ts'
import { doesNotExist, invalidParameter } from '../mlflow/mlflow-error.ts'
import { parseOrderBy } from '../mlflow/order-by.ts'
import { decodePageToken, encodePageToken } from '../mlflow/page-token.ts'
import { mlflowRoute, type Caller, type MlflowRoute } from '../mlflow/scope.ts'
import { nameFromId } from '../runs/run-name.ts'
import { unlessEmpty } from '../runs/run-wire.ts'
import type { LoggedModelRow } from './logged-model-records.ts'
import type { LoggedModelStore, ModelOrder } from './logged-model-store.ts'
import { toWireModel } from './logged-model-wire.ts'

const keyValues = z.array(z.object({ key: z.string(), value: z.string() })).default([])
const modelId = z.object({ model_id: z.string() })
const status = z.enum(['LOGGED_MODEL_PENDING', 'LOGGED_MODEL_READY', 'LOGGED_MODEL_UPLOAD_FAILED'])
const count = z.preprocess((v) => (typeof v === 'string' ? Number(v) : v), z.int()).optional()

const orderBy = z.object({
  field_name: z.string(),
  ascending: z.boolean().default(true),
  dataset_name: z.string().optional(),
  dataset_digest: z.string().optional(),
})

const searchFields = z.object({
  experiment_ids: z.array(z.string()).default([]),
  filter: z.string().default(''),
  datasets: z
    .array(z.object({ dataset_name: z.string(), dataset_digest: z.string().optional() }))
    .default([]),
  max_results: count,
  order_by: z.array(orderBy).default([]),
  page_token: z.string().optional(),
})

/** MLflow 3's logged models: made by a run, filled with files, then finalised. */
export function loggedModelRoutes(deps: {
  store: LoggedModelStore
  experiments: Experiments
  artifacts: Artifacts
  clock: Clock
}): MlflowRoute[] {
  const { store, experiments, artifacts, clock } = deps

  const get = async (project: string, id: string): Promise<LoggedModelRow> => {
    const row = await store.find(project, id)
    if (row === undefined) throw doesNotExist(`Logged model with ID '${id}' not found.`)
    return row
  }

  const answer = async (row: LoggedModelRow) => {
    const [record] = await store.read([row])
    return { model: record === undefined ? {} : toWireModel(record) }
  }

  const create = async (f: z.output<typeof createFields>, { project }: Caller) => {
    const experiment = await experiments.getActive(project, f.experiment_id)
    for (const tag of f.tags) checkKey('tag', tag.key)
    const hex = randomHexId()
    const id = `m-${hex}`
    const now = clock.now()
    await store.insert(
      {
        model_id: id,
        project,
        experiment_id: experiment.experiment_id,
        name: f.name === '' ? nameFromId(hex) : f.name,
        artifact_uri: `${experiment.artifact_location}/models/${id}/artifacts`,
        status: 'LOGGED_MODEL_PENDING',
        model_type: f.model_type,
        source_run_id: f.source_run_id ?? null,
        lifecycle_stage: 'active',
        creation_timestamp_ms: now,
        last_updated_timestamp_ms: now,
      },
      {
        params: f.params.map((p) => ({ key: p.key, value: truncate(p.value, MAX.paramLength) })),
        tags: f.tags.map((t) => ({ key: t.key, value: truncate(t.value, MAX.tagLength) })),
      }
    )
    return answer(await get(project, id))
  }

  const search = async (f: z.output<typeof searchFields>, { project }: Caller) => {
    const query = JSON.stringify([f.experiment_ids, f.filter, f.order_by, f.datasets])
    const { rows, last } = await store.search({
      project,
      experimentIds: f.experiment_ids.filter((id) => /^\d{1,15}$/.test(id)).map(Number),
      clauses: parseFilter(f.filter, LOGGED_MODELS),
      datasets: f.datasets.map((d) => ({ name: d.dataset_name, digest: d.dataset_digest ?? null })),
      orderBy: f.order_by.map(toOrder),
      after: decodePageToken(f.page_token, query),
      limit: checkMaxResults(f.max_results, { byDefault: 100, most: MAX.searchLoggedModels }),
    })
    return {
      ...unlessEmpty('models', (await store.read(rows)).map(toWireModel)),
      ...(last === null ? {} : { next_page_token: encodePageToken(query, last) }),
    }
  }

  return [
    mlflowRoute({ method: 'POST', path: 'logged-models', fields: createFields, handle: create }),
    mlflowRoute({
      method: 'POST',
      path: 'logged-models/search',
      fields: searchFields,
      isRead: true,
      handle: search,
    }),
    mlflowRoute({
      method: 'GET',
      path: 'logged-models/:model_id',
      fields: modelId,
      handle: async (f, { project }) => answer(await get(project, f.model_id)),
    }),
    mlflowRoute({
      method: 'PATCH',
      path: 'logged-models/:model_id',
      fields: modelId.extend({ status }),
      handle: async (f, { project }) => {
        await get(project, f.model_id)
        await store.update(f.model_id, { status: f.status, last_updated_timestamp_ms: clock.now() })
        return answer(await get(project, f.model_id))
      },
    }),
    mlflowRoute({
      method: 'DELETE',
      path: 'logged-models/:model_id',
      fields: modelId,
      handle: async (f, { project }) => {
        await get(project, f.model_id)
        return done(
          store.update(f.model_id, {
            lifecycle_stage: 'deleted',
            last_updated_timestamp_ms: clock.now(),
          })
        )
      },
    }),
    mlflowRoute({
      method: 'PATCH',
      path: 'logged-models/:model_id/tags',
      fields: modelId.extend({ tags: keyValues }),
      handle: async (f, { project }) => {
        await get(project, f.model_id)
        for (const tag of f.tags) checkKey('tag', tag.key)
        return done(
          store.setTags(
            f.model_id,
            f.tags.map((t) => ({ key: t.key, value: truncate(t.value, MAX.tagLength) }))
          )
        )
      },
    }),
    mlflowRoute({
      method: 'DELETE',
      path: 'logged-models/:model_id/tags/:tag_key',
      fields: modelId.extend({ tag_key: z.string() }),
      handle: async (f, { project }) => {
        await get(project, f.model_id)
        if (!(await store.deleteTag(f.model_id, f.tag_key)))
          throw doesNotExist(
            `No tag with key '${f.tag_key}' found for model with ID '${f.model_id}'.`
          )
        return {}
      },
    }),
    mlflowRoute({
      method: 'POST',
      path: 'logged-models/:model_id/params',
      fields: modelId.extend({ params: keyValues }),
      handle: async (f, { project }) => {
        await get(project, f.model_id)
        return done(store.addParams(f.model_id, f.params))
      },
    }),
    mlflowRoute({
      method: 'GET',
      path: 'logged-models/:model_id/artifacts/directories',
      fields: modelId.extend({ artifact_directory_path: z.string().default('') }),
      handle: async (f, { project }) => {
        const model = await get(project, f.model_id)
        const root = pathOfUri(model.artifact_uri)
        const files =
          root === null
            ? []
            : await artifacts.list(project, joinPath(root, f.artifact_directory_path), root)
        return { root_uri: model.artifact_uri, ...unlessEmpty('files', files) }
      },
    }),
  ]
}

const createFields = z.object({
  experiment_id: z.string(),
  name: z.string().max(500).default(''),
  model_type: z.string().default(''),
  source_run_id: z.string().optional(),
  params: keyValues,
  tags: keyValues,
})

function toOrder(order: z.output<typeof orderBy>): ModelOrder {
  const [parsed] = parseOrderBy([order.field_name], LOGGED_MODELS)
  if (parsed === undefined)
    throw invalidParameter(`Invalid order_by field name: ${order.field_name}`)
  if (parsed.entity === 'dataset')
    throw invalidParameter('Logged models have no datasets to order by')
  if (order.dataset_digest !== undefined && order.dataset_name === undefined)
    throw invalidParameter('`dataset_digest` needs a `dataset_name` in order_by')
  return {
    kind: parsed.entity,
    key: parsed.key,
    ascending: order.ascending,
    ...(order.dataset_name === undefined
      ? {}
      : { dataset: { name: order.dataset_name, digest: order.dataset_digest ?? null } }),
  }
}
