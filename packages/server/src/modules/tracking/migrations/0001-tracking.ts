import { sql, type Kysely } from 'kysely'
import type { Dialect } from '../../../platform/database/index.ts'

/** How the two dialects say the same thing in DDL. */
type Words = Readonly<{ text: string; float: string; serial: string; clustered: string }>

const WORDS: Record<Dialect, Words> = {
  // Byte order everywhere, so that both databases sort and compare alike.
  postgres: {
    text: 'text collate "C"',
    float: 'double precision',
    serial: 'bigint generated always as identity primary key',
    clustered: '',
  },
  // The big tables are their own primary-key tree: one write per row instead of two.
  sqlite: {
    text: 'text',
    float: 'real',
    serial: 'integer primary key autoincrement',
    clustered: 'without rowid',
  },
}

export async function createTracking(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  const w = WORDS[dialect]
  for (const statement of [...experiments(w), ...runs(w), ...loggedModels(w), ...artifacts(w)])
    await sql.raw(statement).execute(db)
}

const experiments = (w: Words): string[] => [
  `create table experiments (
    project ${w.text} not null, experiment_id bigint not null, name ${w.text} not null,
    artifact_location ${w.text} not null, lifecycle_stage ${w.text} not null,
    creation_time bigint not null, last_update_time bigint not null,
    primary key (project, experiment_id))`,
  'create unique index experiments_name on experiments (project, name)',
  `create table experiment_tags (
    project ${w.text} not null, experiment_id bigint not null, key ${w.text} not null, value ${w.text} not null,
    primary key (project, experiment_id, key)) ${w.clustered}`,
  `create table tracking_counters (
    project ${w.text} not null, name ${w.text} not null, value bigint not null, primary key (project, name))`,
]

const runs = (w: Words): string[] => [
  `create table runs (
    run_key ${w.serial}, project ${w.text} not null, run_id ${w.text} not null unique, experiment_id bigint not null,
    run_name ${w.text} not null, user_id ${w.text} not null, status ${w.text} not null,
    start_time bigint not null, end_time bigint, artifact_uri ${w.text} not null, lifecycle_stage ${w.text} not null)`,
  'create index runs_by_time on runs (project, experiment_id, lifecycle_stage, start_time desc, run_id)',
  ...['params', 'run_tags'].flatMap((table) => [
    `create table ${table} (
      run_key bigint not null, key ${w.text} not null, value ${w.text} not null,
      primary key (run_key, key)) ${w.clustered}`,
    // A prefix: PostgreSQL refuses index entries over 2.7 kB, and params may have 6,000 characters.
    `create index ${table}_by_value on ${table} (key, substr(value, 1, 100), run_key)`,
  ]),
  `create table metrics (
    run_key bigint not null, key ${w.text} not null, timestamp bigint not null, step bigint not null,
    value ${w.float} not null, is_nan smallint not null,
    primary key (run_key, key, timestamp, step, value, is_nan)) ${w.clustered}`,
  `create table latest_metrics (
    run_key bigint not null, key ${w.text} not null, timestamp bigint not null, step bigint not null,
    value ${w.float} not null, is_nan smallint not null,
    primary key (run_key, key)) ${w.clustered}`,
  'create index latest_metrics_by_value on latest_metrics (key, value, run_key)',
  `create table datasets (
    dataset_key ${w.serial}, project ${w.text} not null, experiment_id bigint not null,
    name ${w.text} not null, digest ${w.text} not null, source_type ${w.text} not null, source ${w.text} not null,
    schema ${w.text}, profile ${w.text})`,
  'create unique index datasets_name on datasets (project, experiment_id, name, digest)',
  `create table run_datasets (
    run_key bigint not null, dataset_key bigint not null, context ${w.text}, tags ${w.text} not null,
    primary key (run_key, dataset_key)) ${w.clustered}`,
  'create index run_datasets_by_dataset on run_datasets (dataset_key)',
  `create table run_models (
    run_key bigint not null, model_id ${w.text} not null, direction ${w.text} not null, step bigint not null,
    primary key (run_key, direction, model_id)) ${w.clustered}`,
]

const loggedModels = (w: Words): string[] => [
  `create table logged_models (
    model_id ${w.text} primary key, project ${w.text} not null, experiment_id bigint not null, name ${w.text} not null,
    artifact_uri ${w.text} not null, status ${w.text} not null, model_type ${w.text} not null, source_run_id ${w.text},
    lifecycle_stage ${w.text} not null, creation_timestamp_ms bigint not null, last_updated_timestamp_ms bigint not null)`,
  'create index logged_models_by_time on logged_models (project, experiment_id, creation_timestamp_ms)',
  `create table logged_model_params (
    model_id ${w.text} not null, key ${w.text} not null, value ${w.text} not null, position bigint not null,
    primary key (model_id, key)) ${w.clustered}`,
  `create table logged_model_tags (
    model_id ${w.text} not null, key ${w.text} not null, value ${w.text} not null,
    primary key (model_id, key)) ${w.clustered}`,
  `create table logged_model_metrics (
    model_id ${w.text} not null, run_id ${w.text} not null, key ${w.text} not null, value ${w.float} not null, is_nan smallint not null,
    step bigint not null, timestamp bigint not null, dataset_name ${w.text} not null, dataset_digest ${w.text} not null,
    primary key (model_id, run_id, key, dataset_name, dataset_digest, timestamp, step)) ${w.clustered}`,
]

const artifacts = (w: Words): string[] => [
  `create table artifacts (
    project ${w.text} not null, path ${w.text} not null, digest ${w.text} not null, size bigint not null,
    updated_at bigint not null, primary key (project, path)) ${w.clustered}`,
  `create table artifact_uploads (
    upload_id ${w.text} primary key, project ${w.text} not null, path ${w.text} not null, created_at bigint not null)`,
  `create table artifact_upload_parts (
    upload_id ${w.text} not null, part_number bigint not null, digest ${w.text} not null, size bigint not null,
    primary key (upload_id, part_number))`,
]
