import { sql, type Kysely } from 'kysely'
import type { Dialect } from '../../../platform/database/index.ts'

/** Evaluation datasets with their records, scorers, and workspaces that were made by name. */
export async function createEvaluation(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  const text = dialect === 'postgres' ? 'text collate "C"' : 'text'
  const ofDataset = `dataset_id ${text} not null references evaluation_datasets (dataset_id) on delete cascade`
  const statements = [
    `create table evaluation_datasets (
      dataset_id ${text} primary key, project ${text} not null, name ${text} not null, digest ${text} not null,
      schema ${text}, records bigint not null, created_time bigint not null, last_update_time bigint not null,
      created_by ${text}, last_updated_by ${text})`,
    'create index evaluation_datasets_by_time on evaluation_datasets (project, created_time desc, dataset_id)',
    `create table evaluation_dataset_tags (${ofDataset}, key ${text} not null, value ${text} not null, primary key (dataset_id, key))`,
    `create table evaluation_dataset_experiments (${ofDataset}, experiment_id bigint not null, primary key (dataset_id, experiment_id))`,
    `create table evaluation_dataset_records (
      ${ofDataset}, input_hash ${text} not null, record_id ${text} not null, created_time bigint not null,
      content ${text} not null, primary key (dataset_id, input_hash))`,
    'create index evaluation_dataset_records_by_time on evaluation_dataset_records (dataset_id, created_time, record_id)',
    `create table scorers (
      project ${text} not null, experiment_id bigint not null, name ${text} not null, version bigint not null,
      scorer_id ${text} not null, serialized_scorer ${text} not null, creation_time bigint not null,
      primary key (project, experiment_id, name, version))`,
    `create table workspaces (
      project ${text} not null, name ${text} not null, description ${text}, primary key (project, name))`,
  ]
  for (const statement of statements) await sql.raw(statement).execute(db)
}
