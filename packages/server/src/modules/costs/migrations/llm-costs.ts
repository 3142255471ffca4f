import type { Kysely } from 'kysely'

export async function createLlmCosts(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('cost_tokens')
    .addColumn('hour', 'bigint', (c) => c.notNull())
    .addColumn('project', 'varchar(120)', (c) => c.notNull())
    .addColumn('endpoint_id', 'varchar(120)', (c) => c.notNull())
    .addColumn('endpoint', 'varchar(120)', (c) => c.notNull())
    .addColumn('variant', 'varchar(120)', (c) => c.notNull())
    .addColumn('model_name', 'varchar(250)', (c) => c.notNull())
    .addColumn('model_version', 'integer', (c) => c.notNull())
    .addColumn('role', 'varchar(10)', (c) => c.notNull())
    .addColumn('api_key_id', 'varchar(60)', (c) => c.notNull())
    .addColumn('tag', 'varchar(120)', (c) => c.notNull())
    .addColumn('provider', 'varchar(60)', (c) => c.notNull())
    .addColumn('priced_as', 'varchar(250)', (c) => c.notNull())
    .addColumn('meter', 'varchar(30)', (c) => c.notNull())
    .addColumn('status', 'varchar(12)', (c) => c.notNull())
    .addColumn('quantity', 'bigint', (c) => c.notNull())
    .addColumn('requests', 'bigint', (c) => c.notNull())
    .addColumn('predictions', 'bigint', (c) => c.notNull())
    .addColumn('usd_micro', 'bigint', (c) => c.notNull())
    .addColumn('usd_pico', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('cost_tokens_pk', [
      'hour',
      'project',
      'endpoint_id',
      'endpoint',
      'variant',
      'model_name',
      'model_version',
      'role',
      'api_key_id',
      'tag',
      'provider',
      'priced_as',
      'meter',
      'status',
    ])
    .execute()
  await db.schema
    .createTable('llm_prices')
    .addColumn('id', 'varchar(60)', (c) => c.primaryKey())
    .addColumn('provider', 'varchar(60)', (c) => c.notNull())
    .addColumn('model', 'varchar(250)', (c) => c.notNull())
    .addColumn('valid_from', 'bigint', (c) => c.notNull())
    .addColumn('valid_to', 'bigint')
    .addColumn('source', 'text', (c) => c.notNull())
    .addColumn('definition', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .execute()
}
