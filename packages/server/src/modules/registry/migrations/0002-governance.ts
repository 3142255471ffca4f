import { sql, type Kysely } from 'kysely'
import type { Dialect } from '../../../platform/database/index.ts'

/** Webhooks with what was sent to them, and the rules and requests that a version passes on its way to an alias or a stage. */
export async function createGovernance(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  const text = dialect === 'postgres' ? 'text collate "C"' : 'text'
  const statements = [
    `create table registry_webhooks (
      webhook_id ${text} primary key, project ${text} not null, name ${text} not null, description ${text} not null,
      url ${text} not null, events ${text} not null, secret ${text}, status ${text} not null,
      created_at bigint not null, updated_at bigint not null)`,
    'create unique index registry_webhooks_name on registry_webhooks (project, name)',
    `create table registry_webhook_deliveries (
      delivery_id ${text} primary key, webhook_id ${text} not null references registry_webhooks (webhook_id) on delete cascade,
      event ${text} not null, body ${text} not null, state ${text} not null, attempts bigint not null, next_at bigint,
      response_status bigint, message ${text}, created_at bigint not null, sent_at bigint)`,
    'create index registry_webhook_deliveries_due on registry_webhook_deliveries (state, next_at)',
    'create index registry_webhook_deliveries_by_webhook on registry_webhook_deliveries (webhook_id, delivery_id)',
    `create table registry_guards (
      model_key bigint not null references registered_models (model_key) on delete cascade,
      kind ${text} not null, target ${text} not null, rule ${text} not null, "by" ${text} not null, updated_at bigint not null,
      primary key (model_key, kind, target))`,
    `create table registry_approvals (
      approval_id ${text} primary key, model_key bigint not null references registered_models (model_key) on delete cascade,
      version bigint not null, kind ${text} not null, target ${text} not null, state ${text} not null,
      comment ${text} not null, checks ${text} not null, requested_by ${text} not null, requested_at bigint not null, closed_at bigint)`,
    'create index registry_approvals_by_model on registry_approvals (model_key, approval_id)',
    `create table registry_reviews (
      approval_id ${text} not null references registry_approvals (approval_id) on delete cascade,
      reviewer ${text} not null, verdict ${text} not null, comment ${text} not null, at bigint not null,
      primary key (approval_id, reviewer))`,
  ]
  for (const statement of statements) await sql.raw(statement).execute(db)
}
