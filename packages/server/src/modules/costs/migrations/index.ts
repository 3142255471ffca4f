import type { Kysely } from 'kysely'
import type { Dialect, ModuleMigrations } from '../../../platform/database/index.ts'

import { createBudgetScopes } from './budget-scopes.ts'
import { createLlmCosts } from './llm-costs.ts'
import { createSavings } from './savings.ts'
import { createUtilisationTable } from './utilisation.ts'

export const costMigrations: ModuleMigrations = {
  module: 'costs',
  migrations: [
    { name: '001-ledger', up: createLedger },
    { name: '002-rate-cards-and-budgets', up: createPrices },
    { name: '003-llm-costs', up: createLlmCosts },
    { name: '004-budget-scopes', up: createBudgetScopes },
    { name: '005-utilisation', up: createUtilisationTable },
    { name: '006-savings', up: createSavings },
  ],
}

async function createLedger(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('cost_usage')
    .addColumn('hour', 'bigint', (c) => c.notNull())
    .addColumn('project', 'varchar(120)', (c) => c.notNull())
    .addColumn('endpoint_id', 'varchar(120)', (c) => c.notNull())
    .addColumn('endpoint', 'varchar(120)', (c) => c.notNull())
    .addColumn('variant', 'varchar(120)', (c) => c.notNull())
    .addColumn('model_name', 'varchar(250)', (c) => c.notNull())
    .addColumn('model_version', 'integer', (c) => c.notNull())
    .addColumn('role', 'varchar(10)', (c) => c.notNull())
    .addColumn('api_key_id', 'varchar(60)', (c) => c.notNull())
    .addColumn('device', 'varchar(10)', (c) => c.notNull())
    .addColumn('requests', 'bigint', (c) => c.notNull())
    .addColumn('predictions', 'bigint', (c) => c.notNull())
    .addColumn('busy_us', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('cost_usage_pk', [
      'hour',
      'project',
      'endpoint_id',
      'endpoint',
      'variant',
      'model_name',
      'model_version',
      'role',
      'api_key_id',
      'device',
    ])
    .execute()
  await db.schema
    .createTable('cost_capacity')
    .addColumn('hour', 'bigint', (c) => c.notNull())
    .addColumn('device', 'varchar(10)', (c) => c.notNull())
    .addColumn('available_us', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('cost_capacity_pk', ['hour', 'device'])
    .execute()
  await db.schema
    .createTable('cost_cursors')
    .addColumn('log_id', 'varchar(60)', (c) => c.primaryKey())
    .addColumn('sequence', 'bigint', (c) => c.notNull())
    .execute()
}

async function createPrices(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  await db.schema
    .createTable('rate_cards')
    .addColumn('name', 'varchar(120)', (c) => c.primaryKey())
    .addColumn('device', 'varchar(10)', (c) => c.notNull())
    .addColumn('usd_per_unit_hour', 'varchar(40)', (c) => c.notNull())
    .addColumn('units', 'integer')
    .addColumn('valid_from', 'bigint', (c) => c.notNull())
    .addColumn('valid_to', 'bigint')
    .addColumn('source', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .execute()
  await db.schema
    .createTable('budgets')
    .addColumn('project', 'varchar(120)', (c) => c.notNull())
    .addColumn('name', 'varchar(120)', (c) => c.notNull())
    .addColumn('endpoint', 'varchar(120)')
    .addColumn('period', 'varchar(10)', (c) => c.notNull())
    .addColumn('usd', 'varchar(40)', (c) => c.notNull())
    .addColumn('warn_at', dialect === 'postgres' ? 'double precision' : 'real', (c) => c.notNull())
    .addColumn('hard_stop', 'integer', (c) => c.notNull())
    .addPrimaryKeyConstraint('budgets_pk', ['project', 'name'])
    .execute()
}
