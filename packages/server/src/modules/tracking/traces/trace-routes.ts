import { z } from 'zod'
import { randomHexId } from '../../../kernel/ids.ts'
import { done } from '../mlflow/done.ts'
import { parseFields } from '../mlflow/fields.ts'
import { checkMaxResults } from '../mlflow/limits.ts'
import { invalidParameter } from '../mlflow/mlflow-error.ts'
import { decodePageToken, encodePageToken, type Cursor } from '../mlflow/page-token.ts'
import { mlflowRoute, type Caller, type MlflowRoute } from '../mlflow/scope.ts'
import type { Assessments } from './assessments.ts'
import { correlation } from './correlation.ts'
import { parseTraceFilter } from './trace-filter.ts'
import { listField, location, pairs, traceId, traceInfoFields } from './trace-fields.ts'
import { parseTraceOrder } from './trace-order.ts'
import type { TraceRow } from './trace-records.ts'
import type { TraceSearch } from './trace-search.ts'
import type { TraceStore } from './trace-store.ts'
import type { Traces } from './traces.ts'
import { toSpan, toTraceInfo, toTraceInfoV2 } from './trace-wire.ts'

const MAX_BATCH = 1_000
const count = z.coerce.number().int().optional()
const page = z.object({
  filter: z.string().optional(),
  max_results: count,
  order_by: listField,
  page_token: z.string().optional(),
})
const byId = z.object({ trace_id: traceId })
const startV2 = z.object({
  experiment_id: z.string(),
  timestamp_ms: z.coerce.number().int(),
  request_metadata: pairs,
  tags: pairs,
})
const endV2 = z.object({
  trace_id: traceId,
  timestamp_ms: z.coerce.number().int(),
  status: z.enum(['TRACE_STATUS_UNSPECIFIED', 'OK', 'ERROR', 'IN_PROGRESS']),
  request_metadata: pairs,
  tags: pairs,
})
/** Python's client writes a boolean of a query its own way. */
const flag = z.preprocess(
  (value) => (typeof value === 'string' ? value.toLowerCase() === 'true' : value),
  z.boolean()
)

/** MLflow's traces, as its clients of versions 2 and 3 ask for them. */
export function traceRoutes(deps: {
  traces: Traces
  store: TraceStore
  assessments: Assessments
  search: (query: TraceSearch) => Promise<{ rows: TraceRow[]; last: Cursor | null }>
  count: (query: Pick<TraceSearch, 'project' | 'experimentIds' | 'clauses'>) => Promise<number>
}): MlflowRoute[] {
  const { traces, store } = deps

  const whole = async (rows: readonly TraceRow[]): Promise<object[]> => {
    const spans = await store.spansOf(rows)
    return (await store.read(rows)).map((record) => ({
      trace_info: toTraceInfo(record),
      spans: (spans.get(record.row.trace_key) ?? []).map(toSpan),
    }))
  }
  const info = async (project: string, id: string) =>
    toTraceInfo(await traces.getRecord(project, id))

  const search = async (
    f: z.output<typeof page>,
    given: { project: string; experimentIds: readonly string[] }
  ) => {
    const ids = given.experimentIds.filter((id) => /^\d{1,15}$/.test(id)).map(Number)
    const query = JSON.stringify(['traces', ids, f.filter ?? '', f.order_by])
    const { rows, last } = await deps.search({
      project: given.project,
      experimentIds: ids,
      clauses: parseTraceFilter(f.filter),
      orderBy: parseTraceOrder(f.order_by),
      after: decodePageToken(f.page_token, query),
      limit: checkMaxResults(f.max_results, { byDefault: 100, most: 500 }),
    })
    return {
      records: await store.read(rows),
      ...(last === null ? {} : { next_page_token: encodePageToken(query, last) }),
    }
  }

  const start = async (fields: unknown, { project }: Caller): Promise<object> => {
    const isNew = typeof fields === 'object' && fields !== null && 'trace' in fields
    if (!isNew) return startOld(fields, project)
    const { trace_info: told } = parseFields(startV3, fields).trace
    const experimentId = told.trace_location?.mlflow_experiment?.experiment_id
    if (experimentId === undefined)
      throw invalidParameter("Missing value for required parameter 'trace_location'.")
    const row = await traces.finish(project, {
      traceId: told.trace_id,
      experimentId,
      timestampMs: told.request_time,
      executionTimeMs: told.execution_duration ?? null,
      state: told.state,
      clientRequestId: told.client_request_id ?? null,
      requestPreview: told.request_preview ?? null,
      responsePreview: told.response_preview ?? null,
      tags: toPairs(told.tags),
      metadata: toPairs(told.trace_metadata),
    })
    for (const assessment of told.assessments) await deps.assessments.create(row, assessment)
    return { trace: { trace_info: await info(project, told.trace_id) } }
  }

  const startOld = async (fields: unknown, project: string): Promise<object> => {
    const f = parseFields(startV2, fields)
    const id = randomHexId()
    await traces.finish(project, {
      traceId: id,
      experimentId: f.experiment_id,
      timestampMs: f.timestamp_ms,
      executionTimeMs: null,
      state: 'IN_PROGRESS',
      clientRequestId: null,
      requestPreview: null,
      responsePreview: null,
      tags: f.tags,
      metadata: f.request_metadata,
    })
    return { trace_info: toTraceInfoV2(await traces.getRecord(project, id)) }
  }

  return [
    mlflowRoute({
      method: 'POST',
      path: 'traces',
      fields: z.unknown(),
      handle: start,
    }),
    mlflowRoute({
      method: 'PATCH',
      path: 'traces/:trace_id',
      fields: endV2,
      handle: async (f, { project }) => {
        const record = await traces.getRecord(project, f.trace_id)
        await traces.finish(project, {
          traceId: f.trace_id,
          experimentId: String(record.row.experiment_id),
          timestampMs: record.row.timestamp_ms,
          executionTimeMs: Math.max(0, f.timestamp_ms - record.row.timestamp_ms),
          state: f.status === 'TRACE_STATUS_UNSPECIFIED' ? 'STATE_UNSPECIFIED' : f.status,
          clientRequestId: record.row.client_request_id,
          requestPreview: null,
          responsePreview: null,
          tags: f.tags,
          metadata: f.request_metadata,
        })
        return { trace_info: toTraceInfoV2(await traces.getRecord(project, f.trace_id)) }
      },
    }),
    mlflowRoute({
      method: 'GET',
      path: 'traces/:trace_id/info',
      fields: byId,
      handle: async (f, { project }) => ({
        trace_info: toTraceInfoV2(await traces.getRecord(project, f.trace_id)),
      }),
    }),
    mlflowRoute({
      method: 'GET',
      path: 'traces/:trace_id',
      fields: byId,
      handle: async (f, { project }) => ({
        trace: { trace_info: await info(project, f.trace_id) },
      }),
    }),
    mlflowRoute({
      method: 'GET',
      path: 'traces/get',
      fields: byId.extend({ allow_partial: flag.default(false) }),
      handle: async (f, { project }) => ({
        trace: (await whole([await traces.get(project, f.trace_id)]))[0] ?? {},
      }),
    }),
    ...(['GET', 'POST'] as const).flatMap((method) => [
      mlflowRoute({
        method,
        path: 'traces/batchGet',
        fields: z.object({ trace_ids: listField }),
        isRead: true,
        handle: async (f, { project }) => {
          refuseMany(f.trace_ids)
          return { traces: await whole(await store.findMany(project, f.trace_ids)) }
        },
      }),
      mlflowRoute({
        method,
        path: 'traces/batchGetInfos',
        fields: z.object({ trace_ids: listField }),
        isRead: true,
        handle: async (f, { project }) => {
          refuseMany(f.trace_ids)
          const records = await store.read(await store.findMany(project, f.trace_ids))
          return { trace_infos: records.map(toTraceInfo) }
        },
      }),
    ]),
    mlflowRoute({
      method: 'POST',
      path: 'traces/search',
      fields: page.extend({ locations: z.array(location) }),
      isRead: true,
      handle: async (f, { project }) => {
        const experimentIds = f.locations.flatMap((l) => l.mlflow_experiment?.experiment_id ?? [])
        const { records, ...rest } = await search(f, { project, experimentIds })
        return { ...(records.length === 0 ? {} : { traces: records.map(toTraceInfo) }), ...rest }
      },
    }),
    mlflowRoute({
      method: 'GET',
      path: 'traces',
      fields: page.extend({ experiment_ids: listField }),
      handle: async (f, { project }) => {
        const { records, ...rest } = await search(f, { project, experimentIds: f.experiment_ids })
        return { ...(records.length === 0 ? {} : { traces: records.map(toTraceInfoV2) }), ...rest }
      },
    }),
    mlflowRoute({
      method: 'PATCH',
      path: 'traces/:trace_id/tags',
      fields: byId.extend({ key: z.string(), value: z.string() }),
      handle: async (f, { project }) =>
        done(traces.setTag(project, f.trace_id, { key: f.key, value: f.value })),
    }),
    mlflowRoute({
      method: 'DELETE',
      path: 'traces/:trace_id/tags',
      fields: byId.extend({ key: z.string() }),
      handle: async (f, { project }) => done(traces.deleteTag(project, f.trace_id, f.key)),
    }),
    mlflowRoute({
      method: 'POST',
      path: 'traces/link-to-run',
      fields: z.object({ trace_ids: listField, run_id: z.string() }),
      handle: async (f, { project }) => done(traces.linkToRun(project, f.trace_ids, f.run_id)),
    }),
    mlflowRoute({
      method: 'POST',
      path: 'traces/link-prompts',
      fields: byId.extend({
        prompt_versions: z.array(z.object({ name: z.string(), version: z.coerce.string() })),
      }),
      handle: async (f, { project }) =>
        done(
          store.linkPrompts(
            await traces.get(project, f.trace_id),
            f.prompt_versions.map((prompt) => `${prompt.name}/${prompt.version}`)
          )
        ),
    }),
    mlflowRoute({
      method: 'POST',
      path: 'traces/delete-traces',
      fields: z.object({
        experiment_id: z.string(),
        max_timestamp_millis: count,
        max_traces: count,
        request_ids: listField,
      }),
      handle: async (f, { project }) => {
        if (f.request_ids.length === 0 && f.max_timestamp_millis === undefined)
          throw invalidParameter(
            'Either `max_timestamp_millis` or `trace_ids` must be specified, but not both.'
          )
        if (f.max_traces !== undefined && f.max_traces <= 0)
          throw invalidParameter('`max_traces` must be a positive integer')
        const traces_deleted = await store.remove({
          project,
          experimentId: /^\d{1,15}$/.test(f.experiment_id) ? Number(f.experiment_id) : -1,
          traceIds: f.request_ids,
          maxTimestampMs: f.max_timestamp_millis,
          maxTraces: f.max_traces,
        })
        return { traces_deleted }
      },
    }),
    mlflowRoute({
      method: 'POST',
      path: 'traces/calculate-filter-correlation',
      fields: z.object({
        experiment_ids: listField,
        filter_string1: z.string(),
        filter_string2: z.string(),
        base_filter: z.string().optional(),
      }),
      isRead: true,
      handle: async (f, { project }) => {
        const experimentIds = f.experiment_ids.filter((id) => /^\d{1,15}$/.test(id)).map(Number)
        const base = parseTraceFilter(f.base_filter)
        const first = parseTraceFilter(f.filter_string1)
        const second = parseTraceFilter(f.filter_string2)
        const matching = (...clauses: (typeof base)[]) =>
          deps.count({ project, experimentIds, clauses: clauses.flat() })
        return correlation({
          first: await matching(base, first),
          second: await matching(base, second),
          both: await matching(base, first, second),
          total: await matching(base),
        })
      },
    }),
  ]
}

const startV3 = z.object({ trace: z.object({ trace_info: traceInfoFields }) })

const toPairs = (map: Readonly<Record<string, string>>) =>
  Object.entries(map).map(([key, value]) => ({ key, value }))

function refuseMany(ids: readonly string[]): void {
  if (ids.length > MAX_BATCH)
    throw invalidParameter(
      `At most ${MAX_BATCH} traces can be asked for at once, not ${ids.length}`
    )
}
