import type { Kysely } from 'kysely'

export async function createBudgetScopes(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('budgets').addColumn('api_key_id', 'varchar(60)').execute()
  await db.schema.alterTable('budgets').addColumn('tag', 'varchar(120)').execute()
  await db.schema
    .alterTable('budgets')
    .addColumn('every_project', 'integer', (c) => c.notNull().defaultTo(0))
    .execute()
  await db.schema
    .alterTable('budgets')
    .addColumn('time_zone', 'varchar(60)', (c) => c.notNull().defaultTo('UTC'))
    .execute()
  await db.schema
    .createTable('budget_windows')
    .addColumn('project', 'varchar(120)', (c) => c.notNull())
    .addColumn('name', 'varchar(120)', (c) => c.notNull())
    .addColumn('window_from', 'bigint', (c) => c.notNull())
    .addColumn('spent_micro', 'bigint', (c) => c.notNull())
    .addColumn('other_micro', 'bigint', (c) => c.notNull())
    .addColumn('leased_micro', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('budget_windows_pk', ['project', 'name', 'window_from'])
    .execute()
  await db.schema
    .createTable('budget_leases')
    .addColumn('holder', 'varchar(60)', (c) => c.notNull())
    .addColumn('project', 'varchar(120)', (c) => c.notNull())
    .addColumn('name', 'varchar(120)', (c) => c.notNull())
    .addColumn('window_from', 'bigint', (c) => c.notNull())
    .addColumn('micro', 'bigint', (c) => c.notNull())
    .addColumn('renewed_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('budget_leases_pk', ['holder', 'project', 'name', 'window_from'])
    .execute()
  await db.schema
    .createTable('budget_notices')
    .addColumn('project', 'varchar(120)', (c) => c.notNull())
    .addColumn('name', 'varchar(120)', (c) => c.notNull())
    .addColumn('window_from', 'bigint', (c) => c.notNull())
    .addColumn('kind', 'varchar(40)', (c) => c.notNull())
    .addColumn('told_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('budget_notices_pk', ['project', 'name', 'window_from', 'kind'])
    .execute()
}
