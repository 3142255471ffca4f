import { sql, type Kysely } from 'kysely'
import type { Dialect } from '../../../platform/database/index.ts'

export async function createRegistryTables(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  // Byte order on both databases, so that names sort and compare alike.
  const text = dialect === 'postgres' ? 'text collate "C"' : 'text'
  const serial =
    dialect === 'postgres'
      ? 'bigint generated always as identity primary key'
      : 'integer primary key autoincrement'
  const statements = [
    `create table registered_models (
      model_key ${serial}, project ${text} not null, name ${text} not null, description ${text},
      created_at bigint not null, updated_at bigint not null)`,
    'create unique index registered_models_name on registered_models (project, name)',
    `create table registered_model_tags (
      model_key bigint not null references registered_models (model_key) on delete cascade,
      key ${text} not null, value ${text} not null, primary key (model_key, key))`,
    `create table model_versions (
      version_key ${serial}, model_key bigint not null references registered_models (model_key) on delete cascade,
      version bigint not null, stage ${text} not null, status ${text} not null, status_message ${text},
      source ${text} not null, storage_uri ${text} not null, run_id ${text}, run_link ${text} not null, model_id ${text},
      user_id ${text} not null, description ${text} not null, flavor ${text} not null, signature ${text},
      onnx_file ${text}, onnx ${text}, feature_service ${text}, lifecycle_stage ${text} not null,
      created_at bigint not null, updated_at bigint not null)`,
    'create unique index model_versions_number on model_versions (model_key, version)',
    'create index model_versions_by_run on model_versions (run_id)',
    `create table model_version_tags (
      version_key bigint not null references model_versions (version_key) on delete cascade,
      key ${text} not null, value ${text} not null, primary key (version_key, key))`,
    `create table model_version_files (
      version_key bigint not null references model_versions (version_key) on delete cascade,
      path ${text} not null, digest ${text} not null, size bigint not null, primary key (version_key, path))`,
    `create table model_aliases (
      model_key bigint not null references registered_models (model_key) on delete cascade,
      alias ${text} not null, version bigint not null, primary key (model_key, alias))`,
    `create table model_version_events (
      event_id ${text} primary key, model_key bigint not null references registered_models (model_key) on delete cascade,
      version bigint not null, kind ${text} not null, alias ${text}, stage ${text}, "by" ${text} not null, at bigint not null)`,
    'create index model_version_events_by_model on model_version_events (model_key, event_id)',
  ]
  for (const statement of statements) await sql.raw(statement).execute(db)
}
