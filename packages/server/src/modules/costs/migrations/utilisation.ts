import type { Kysely } from 'kysely'

export async function createUtilisationTable(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('cost_utilisation')
    .addColumn('hour', 'bigint', (c) => c.notNull())
    .addColumn('device', 'varchar(10)', (c) => c.notNull())
    .addColumn('unit', 'varchar(120)', (c) => c.notNull())
    .addColumn('name', 'varchar(120)', (c) => c.notNull())
    .addColumn('observed_us', 'bigint', (c) => c.notNull())
    .addColumn('busy_us', 'bigint', (c) => c.notNull())
    .addColumn('peak_permille', 'integer', (c) => c.notNull())
    .addColumn('memory_peak', 'bigint', (c) => c.notNull())
    .addColumn('memory_total', 'bigint', (c) => c.notNull())
    .addColumn('energy_mj', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('cost_utilisation_pk', ['hour', 'device', 'unit'])
    .execute()
}
