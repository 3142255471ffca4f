import { api } from '@trestle/contract'
import { z } from 'zod'
import type { Experiments } from '../experiments/experiments.ts'
import { done } from '../mlflow/done.ts'
import { parseFilter } from '../mlflow/filter.ts'
import { RUNS } from '../mlflow/grammar.ts'
import { checkMaxResults, MAX } from '../mlflow/limits.ts'
import { invalidParameter } from '../mlflow/mlflow-error.ts'
import { parseOrderBy } from '../mlflow/order-by.ts'
import { decodePageToken, encodePageToken } from '../mlflow/page-token.ts'
import { mlflowRoute, type Caller, type MlflowRoute } from '../mlflow/scope.ts'
import { stagesOf } from '../mlflow/view-type.ts'
import type { LoggedMetric, RunRow } from './run-records.ts'
import type { RunReader } from './run-reader.ts'
import type { RunSearch } from './run-search.ts'
import { rowToWireInfo, toWireRun, unlessEmpty } from './run-wire.ts'
import type { RunId, Runs } from './runs.ts'
import type { Cursor } from '../mlflow/page-token.ts'

const wire = api.tracking
const runId = { run_id: z.string().optional(), run_uuid: z.string().optional() }
const metric = wire.logBatch.body.shape.metrics.unwrap().element

/** The run that a request names: clients send the id under both its names, or either. */
export function runOf(
  fields: { run_id?: string | undefined; run_uuid?: string | undefined },
  caller: Caller
): RunId {
  const id = fields.run_id ?? fields.run_uuid ?? ''
  if (id === '') throw invalidParameter("Missing value for required parameter 'run_id'.")
  return { project: caller.project, runId: id }
}

export function runRoutes(deps: {
  runs: Runs
  reader: RunReader
  experiments: Experiments
  search: (query: RunSearch) => Promise<{ rows: RunRow[]; last: Cursor | null }>
}): MlflowRoute[] {
  const { runs, reader } = deps

  const answer = async (row: RunRow) => {
    const [record] = await reader.read([row])
    return { run: record === undefined ? {} : toWireRun(record) }
  }

  return [
    mlflowRoute({
      method: 'POST',
      path: 'runs/create',
      fields: wire.createRun.body,
      handle: async (f, { project }) =>
        answer(
          await runs.create({
            project,
            experimentId: f.experiment_id,
            userId: f.user_id,
            name: f.run_name,
            startTime: f.start_time,
            tags: f.tags,
          })
        ),
    }),
    mlflowRoute({
      method: 'GET',
      path: 'runs/get',
      fields: wire.getRun.query,
      handle: async (f, caller) => answer(await runs.get(runOf(f, caller))),
    }),
    mlflowRoute({
      method: 'POST',
      path: 'runs/update',
      fields: wire.updateRun.body,
      handle: async (f, caller) => {
        const changes = { status: f.status, endTime: f.end_time, name: f.run_name }
        return { run_info: rowToWireInfo(await runs.update(runOf(f, caller), changes)) }
      },
    }),
    mlflowRoute({
      method: 'POST',
      path: 'runs/delete',
      fields: z.object(runId),
      handle: async (f, caller) => done(runs.setStage(runOf(f, caller), 'deleted')),
    }),
    mlflowRoute({
      method: 'POST',
      path: 'runs/restore',
      fields: z.object(runId),
      handle: async (f, caller) => done(runs.setStage(runOf(f, caller), 'active')),
    }),
    mlflowRoute({
      method: 'POST',
      path: 'runs/search',
      fields: wire.searchRuns.body,
      isRead: true,
      handle: async (f, { project }) => {
        const query = JSON.stringify([f.experiment_ids, f.filter, f.order_by, f.run_view_type])
        const { rows, last } = await deps.search({
          project,
          experimentIds: f.experiment_ids.filter((id) => /^\d{1,15}$/.test(id)).map(Number),
          stages: stagesOf(f.run_view_type),
          clauses: parseFilter(f.filter, RUNS),
          orderBy: parseOrderBy(f.order_by, RUNS),
          after: decodePageToken(f.page_token, query),
          limit: checkMaxResults(f.max_results, { byDefault: 1_000, most: MAX.searchRuns }),
        })
        return {
          ...unlessEmpty('runs', (await reader.read(rows)).map(toWireRun)),
          ...(last === null ? {} : { next_page_token: encodePageToken(query, last) }),
        }
      },
    }),
    mlflowRoute({
      method: 'POST',
      path: 'runs/log-metric',
      fields: metric.extend(runId),
      handle: async (f, caller) => done(runs.log(runOf(f, caller), { metrics: [toLogged(f)] })),
    }),
    mlflowRoute({
      method: 'POST',
      path: 'runs/log-parameter',
      fields: z.object({ ...runId, key: z.string(), value: z.string() }),
      handle: async (f, caller) => done(runs.log(runOf(f, caller), { params: [f] })),
    }),
    mlflowRoute({
      method: 'POST',
      path: 'runs/set-tag',
      fields: z.object({ ...runId, key: z.string(), value: z.string() }),
      handle: async (f, caller) => done(runs.log(runOf(f, caller), { tags: [f] })),
    }),
    mlflowRoute({
      method: 'POST',
      path: 'runs/delete-tag',
      fields: z.object({ ...runId, key: z.string() }),
      handle: async (f, caller) => done(runs.deleteTag(runOf(f, caller), f.key)),
    }),
    mlflowRoute({
      method: 'POST',
      path: 'runs/log-batch',
      fields: wire.logBatch.body,
      handle: async (f, caller) =>
        done(
          runs.log(runOf(f, caller), {
            metrics: f.metrics.map(toLogged),
            params: f.params,
            tags: f.tags,
          })
        ),
    }),
    mlflowRoute({
      method: 'POST',
      path: 'runs/log-model',
      fields: z.object({ ...runId, model_json: z.string() }),
      handle: async (f, caller) => done(logModel(runOf(f, caller), f.model_json)),
    }),
  ]

  /** What clients before 3.0 send: the model's description is kept in a tag, as MLflow does. */
  async function logModel(id: RunId, json: string): Promise<void> {
    const model = readModel(json)
    const [run] = await reader.read([await runs.getActive(id)])
    const known = run?.tags.find((tag) => tag.key === HISTORY)?.value
    const history = known === undefined ? [] : (JSON.parse(known) as unknown[]) // written here
    await runs.log(id, { tags: [{ key: HISTORY, value: JSON.stringify([...history, model]) }] })
  }
}

const HISTORY = 'mlflow.log-model.history'

function readModel(json: string): unknown {
  let parsed: unknown
  try {
    parsed = JSON.parse(json)
  } catch {
    throw invalidParameter('Malformed model info. The model_json is not valid JSON')
  }
  const description = z.looseObject({
    artifact_path: z.string(),
    flavors: z.unknown(),
    utc_time_created: z.string(),
    run_id: z.string(),
  })
  const checked = description.safeParse(parsed)
  if (!checked.success)
    throw invalidParameter(
      `Model json is missing mandatory fields: ${checked.error.issues.map((i) => i.path.join('.')).join(', ')}`
    )
  return checked.data
}

const toLogged = (f: z.output<typeof metric>): LoggedMetric => ({
  key: f.key,
  value: Number(f.value),
  timestamp: f.timestamp,
  step: f.step,
  modelId: f.model_id === undefined || f.model_id === '' ? null : f.model_id,
  datasetName: f.dataset_name ?? '',
  datasetDigest: f.dataset_digest ?? '',
})
