import type { Kysely } from 'kysely'

export async function createSavings(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('cost_savings')
    .addColumn('hour', 'bigint', (c) => c.notNull())
    .addColumn('project', 'varchar(120)', (c) => c.notNull())
    .addColumn('endpoint', 'varchar(120)', (c) => c.notNull())
    .addColumn('status', 'varchar(12)', (c) => c.notNull())
    .addColumn('calls', 'bigint', (c) => c.notNull())
    .addColumn('tokens', 'bigint', (c) => c.notNull())
    .addColumn('usd_micro', 'bigint', (c) => c.notNull())
    .addColumn('usd_pico', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('cost_savings_pk', ['hour', 'project', 'endpoint', 'status'])
    .execute()
}
