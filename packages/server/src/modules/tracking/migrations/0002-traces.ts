import { sql, type Kysely } from 'kysely'
import type { Dialect } from '../../../platform/database/index.ts'

/** Traces, the spans they are made of, and what people and judges say of them. */
export async function createTraces(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  const isPostgres = dialect === 'postgres'
  const text = isPostgres ? 'text collate "C"' : 'text'
  const float = isPostgres ? 'double precision' : 'real'
  const clustered = isPostgres ? '' : 'without rowid'
  const serial = isPostgres
    ? 'bigint generated always as identity primary key'
    : 'integer primary key autoincrement'
  const ofTrace = 'trace_key bigint not null references traces (trace_key) on delete cascade'
  const statements = [
    `create table traces (
      trace_key ${serial}, project ${text} not null, trace_id ${text} not null, experiment_id bigint not null,
      timestamp_ms bigint not null, execution_time_ms bigint, state ${text} not null, client_request_id ${text},
      request_preview ${text}, response_preview ${text}, is_final smallint not null)`,
    'create unique index traces_by_id on traces (project, trace_id)',
    'create index traces_by_time on traces (project, experiment_id, timestamp_ms desc, trace_id)',
    ...['trace_tags', 'trace_metadata'].flatMap((table) => [
      `create table ${table} (${ofTrace}, key ${text} not null, value ${text} not null, primary key (trace_key, key)) ${clustered}`,
      `create index ${table}_by_value on ${table} (key, substr(value, 1, 100), trace_key)`,
    ]),
    `create table trace_spans (
      ${ofTrace}, span_id ${text} not null, parent_id ${text}, name ${text} not null, type ${text} not null,
      status ${text} not null, start_order ${text} not null, attributes ${text} not null, content ${text} not null,
      primary key (trace_key, span_id))`,
    `create table trace_assessments (
      ${ofTrace}, assessment_id ${text} not null, name ${text} not null, kind ${text} not null, value ${text},
      number ${float}, valid smallint not null, overrides ${text}, body ${text} not null, created_at bigint not null,
      primary key (trace_key, assessment_id))`,
    'create index trace_assessments_by_name on trace_assessments (name, kind, trace_key)',
    `create table trace_runs (${ofTrace}, run_id ${text} not null, primary key (trace_key, run_id)) ${clustered}`,
    'create index trace_runs_by_run on trace_runs (run_id)',
    `create table trace_prompts (${ofTrace}, prompt ${text} not null, primary key (trace_key, prompt)) ${clustered}`,
    'create index trace_prompts_by_prompt on trace_prompts (prompt)',
  ]
  for (const statement of statements) await sql.raw(statement).execute(db)
}
