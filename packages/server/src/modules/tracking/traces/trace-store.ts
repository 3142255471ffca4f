import type { Kysely, Transaction } from 'kysely'
import type { Database } from '../../../platform/database/index.ts'
import { insertMany } from '../mlflow/bulk.ts'
import { createGroupCommit } from '../runs/group-commit.ts'
import type { KeyValue } from '../runs/run-records.ts'
import type { TrackingTables } from '../tables.ts'
import { tellsUsage, usageOf } from './token-usage.ts'
import type {
  AssessmentRow,
  SpansOfTrace,
  TraceInfo,
  TraceRecord,
  TraceRow,
} from './trace-records.ts'

export interface TraceStore {
  /** Writes what a client tells of whole traces; it stands over what spans told. */
  finish(project: string, info: TraceInfo): Promise<TraceRow>
  /** Adds spans, all or none. A trace that was not there yet is made of them. */
  addSpans(project: string, traces: readonly SpansOfTrace[]): Promise<void>
  find(project: string, traceId: string): Promise<TraceRow | undefined>
  findMany(project: string, traceIds: readonly string[]): Promise<TraceRow[]>
  read(rows: readonly TraceRow[]): Promise<TraceRecord[]>
  /** Spans as they are on the wire, by trace, from the earliest. */
  spansOf(rows: readonly TraceRow[]): Promise<Map<number, string[]>>
  setTag(row: TraceRow, tag: KeyValue): Promise<void>
  deleteTag(row: TraceRow, key: string): Promise<boolean>
  linkRun(rows: readonly TraceRow[], runId: string): Promise<void>
  linkPrompts(row: TraceRow, prompts: readonly string[]): Promise<void>
  /** Deletes traces of an experiment: those named, or the oldest up to a time and a number. Returns how many. */
  remove(given: {
    project: string
    experimentId: number
    traceIds: readonly string[]
    maxTimestampMs: number | undefined
    maxTraces: number | undefined
  }): Promise<number>
}

type Tx = Transaction<TrackingTables>

export function createTraceStore(database: Database): TraceStore {
  const db = database.as<TrackingTables>()
  const { dialect } = database
  const inTransaction = createGroupCommit(db, dialect)

  const put = async (
    tx: Kysely<TrackingTables>,
    table: 'trace_tags' | 'trace_metadata',
    given: { traceKey: number; pairs: readonly KeyValue[]; keepOld?: boolean }
  ) =>
    insertMany(
      tx,
      {
        table,
        columns: ['trace_key', 'key', 'value'],
        onConflict:
          given.keepOld === true
            ? 'on conflict do nothing'
            : 'on conflict (trace_key, key) do update set value = excluded.value',
        dialect,
      },
      [...new Map(given.pairs.map((pair) => [pair.key, pair.value]))]
        .toSorted(([a], [b]) => (a < b ? -1 : 1)) // one order for all writers, so that none waits for another in a ring
        .map(([key, value]) => [given.traceKey, key, value])
    )

  /** The trace's row, made when it is new, and locked until the transaction ends. */
  const ensure = async (
    tx: Tx,
    project: string,
    fresh: { traceId: string; experimentId: number; startMs: number }
  ): Promise<TraceRow> => {
    await tx
      .insertInto('traces')
      .values({
        project,
        trace_id: fresh.traceId,
        experiment_id: fresh.experimentId,
        timestamp_ms: fresh.startMs,
        execution_time_ms: null,
        state: 'IN_PROGRESS',
        client_request_id: null,
        request_preview: null,
        response_preview: null,
        is_final: 0,
      })
      .onConflict((c) => c.doNothing())
      .execute()
    const query = tx
      .selectFrom('traces')
      .selectAll()
      .where('project', '=', project)
      .where('trace_id', '=', fresh.traceId)
    return (dialect === 'postgres' ? query.forUpdate() : query).executeTakeFirstOrThrow()
  }

  const addTo = async (tx: Tx, row: TraceRow, given: SpansOfTrace): Promise<void> => {
    const columns = [
      ...['trace_key', 'span_id', 'parent_id', 'name', 'type', 'status'],
      ...['start_order', 'attributes', 'content'],
    ]
    const updates = columns.slice(2).map((column) => `${column} = excluded.${column}`)
    await insertMany(
      tx,
      {
        table: 'trace_spans',
        columns,
        onConflict: `on conflict (trace_key, span_id) do update set ${updates.join(', ')}`,
        dialect,
      },
      given.spans.map((s) => [
        ...[row.trace_key, s.span_id, s.parent_id, s.name, s.type, s.status],
        ...[s.start_order, s.attributes, s.content],
      ])
    )
    if (row.is_final === 0)
      await tx
        .updateTable('traces')
        .set(extended(row, given))
        .where('trace_key', '=', row.trace_key)
        .execute()
    await put(tx, 'trace_tags', {
      traceKey: row.trace_key,
      pairs: [...given.tags, { key: 'mlflow.trace.spansLocation', value: 'TRACKING_STORE' }],
    })
    await put(tx, 'trace_metadata', {
      traceKey: row.trace_key,
      pairs: given.metadata,
      keepOld: true,
    })
    if (tellsUsage(given.spans)) await putUsage(tx, row)
  }

  const putUsage = async (tx: Tx, row: TraceRow): Promise<void> => {
    const spans = await tx
      .selectFrom('trace_spans')
      .select(['span_id', 'parent_id', 'attributes'])
      .where('trace_key', '=', row.trace_key)
      .execute()
    const usage = usageOf(spans)
    if (usage === null) return
    await put(tx, 'trace_metadata', {
      traceKey: row.trace_key,
      pairs: [{ key: 'mlflow.trace.tokenUsage', value: JSON.stringify(usage) }],
      keepOld: row.is_final === 1,
    })
  }

  return {
    finish: (project, info) =>
      inTransaction(async (tx) => {
        const row = await ensure(tx, project, {
          traceId: info.traceId,
          experimentId: info.experimentId,
          startMs: info.timestampMs,
        })
        const finished = {
          experiment_id: info.experimentId,
          timestamp_ms: info.timestampMs,
          execution_time_ms: info.executionTimeMs,
          state: info.state,
          client_request_id: info.clientRequestId,
          request_preview: info.requestPreview ?? row.request_preview,
          response_preview: info.responsePreview ?? row.response_preview,
          is_final: 1,
        }
        await tx
          .updateTable('traces')
          .set(finished)
          .where('trace_key', '=', row.trace_key)
          .execute()
        await put(tx, 'trace_tags', { traceKey: row.trace_key, pairs: info.tags })
        await put(tx, 'trace_metadata', { traceKey: row.trace_key, pairs: info.metadata })
        return { ...row, ...finished }
      }),
    addSpans: (project, traces) =>
      inTransaction(async (tx) => {
        // In one order for all writers, as they lock what they touch.
        for (const given of traces.toSorted((a, b) => (a.traceId < b.traceId ? -1 : 1)))
          await addTo(tx, await ensure(tx, project, given), given)
      }),
    find: (project, traceId) =>
      db
        .selectFrom('traces')
        .selectAll()
        .where('project', '=', project)
        .where('trace_id', '=', traceId)
        .executeTakeFirst(),
    async findMany(project, traceIds) {
      if (traceIds.length === 0) return []
      const rows = await db
        .selectFrom('traces')
        .selectAll()
        .where('project', '=', project)
        .where('trace_id', 'in', [...new Set(traceIds)])
        .execute()
      const byId = new Map(rows.map((row) => [row.trace_id, row]))
      return traceIds.flatMap((id) => byId.get(id) ?? [])
    },
    async read(rows) {
      const keys = rows.map((row) => row.trace_key)
      if (keys.length === 0) return []
      const pairs = async (table: 'trace_tags' | 'trace_metadata') =>
        Map.groupBy(
          await db.selectFrom(table).selectAll().where('trace_key', 'in', keys).execute(),
          (pair) => pair.trace_key
        )
      const tags = await pairs('trace_tags')
      const metadata = await pairs('trace_metadata')
      const assessments: Map<number, AssessmentRow[]> = Map.groupBy(
        await db
          .selectFrom('trace_assessments')
          .selectAll()
          .where('trace_key', 'in', keys)
          .orderBy('created_at')
          .orderBy('assessment_id')
          .execute(),
        (assessment) => assessment.trace_key
      )
      return rows.map((row) => ({
        row,
        tags: tags.get(row.trace_key) ?? [],
        metadata: metadata.get(row.trace_key) ?? [],
        assessments: assessments.get(row.trace_key) ?? [],
      }))
    },
    async spansOf(rows) {
      const keys = rows.map((row) => row.trace_key)
      if (keys.length === 0) return new Map()
      const spans = await db
        .selectFrom('trace_spans')
        .select(['trace_key', 'content'])
        .where('trace_key', 'in', keys)
        .orderBy('start_order')
        .orderBy('span_id')
        .execute()
      return new Map(
        [...Map.groupBy(spans, (span) => span.trace_key)].map(([key, group]) => [
          key,
          group.map((span) => span.content),
        ])
      )
    },
    setTag: (row, tag) => put(db, 'trace_tags', { traceKey: row.trace_key, pairs: [tag] }),
    async deleteTag(row, key) {
      const result = await db
        .deleteFrom('trace_tags')
        .where('trace_key', '=', row.trace_key)
        .where('key', '=', key)
        .executeTakeFirst()
      return result.numDeletedRows > 0n
    },
    linkRun: (rows, runId) =>
      insertMany(
        db,
        {
          table: 'trace_runs',
          columns: ['trace_key', 'run_id'],
          onConflict: 'on conflict do nothing',
          dialect,
        },
        rows.map((row) => [row.trace_key, runId])
      ),
    linkPrompts: (row, prompts) =>
      insertMany(
        db,
        {
          table: 'trace_prompts',
          columns: ['trace_key', 'prompt'],
          onConflict: 'on conflict do nothing',
          dialect,
        },
        prompts.map((prompt) => [row.trace_key, prompt])
      ),
    remove: ({ project, experimentId, traceIds, maxTimestampMs, maxTraces }) =>
      inTransaction(async (tx) => {
        let query = tx
          .selectFrom('traces')
          .select('trace_key')
          .where('project', '=', project)
          .where('experiment_id', '=', experimentId)
          .orderBy('timestamp_ms')
          .orderBy('trace_id')
        if (traceIds.length > 0) query = query.where('trace_id', 'in', traceIds)
        if (maxTimestampMs !== undefined) query = query.where('timestamp_ms', '<=', maxTimestampMs)
        if (maxTraces !== undefined) query = query.limit(maxTraces)
        const keys = (await query.execute()).map((row) => row.trace_key)
        for (let at = 0; at < keys.length; at += 500)
          await tx
            .deleteFrom('traces')
            .where('trace_key', 'in', keys.slice(at, at + 500))
            .execute()
        return keys.length
      }),
  }
}

/** What the row becomes when more spans of its trace are known. */
function extended(row: TraceRow, given: SpansOfTrace): Partial<TraceRow> {
  const start = Math.min(row.timestamp_ms, given.startMs)
  const knownEnd = row.execution_time_ms === null ? null : row.timestamp_ms + row.execution_time_ms
  const ends = [knownEnd, given.endMs].filter((end) => end !== null)
  return {
    timestamp_ms: start,
    execution_time_ms: ends.length === 0 ? null : Math.max(...ends) - start,
    state: row.state === 'IN_PROGRESS' ? (given.root?.state ?? row.state) : row.state,
    request_preview: row.request_preview ?? given.root?.requestPreview ?? null,
    response_preview: row.response_preview ?? given.root?.responsePreview ?? null,
  }
}
