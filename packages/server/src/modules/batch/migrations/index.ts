import type { ModuleMigrations } from '../../../platform/database/index.ts'

export const batchMigrations: ModuleMigrations = {
  module: 'batch',
  migrations: [
    {
      name: '001-jobs',
      async up(db) {
        await db.schema
          .createTable('batch_jobs')
          .addColumn('id', 'varchar(40)', (c) => c.primaryKey())
          .addColumn('project', 'varchar(120)', (c) => c.notNull())
          .addColumn('idempotency', 'varchar(330)', (c) => c.unique())
          .addColumn('state', 'varchar(20)', (c) => c.notNull())
          .addColumn('spec', 'text', (c) => c.notNull())
          .addColumn('model_name', 'varchar(200)')
          .addColumn('model_version', 'integer')
          .addColumn('error', 'text')
          .addColumn('holder', 'varchar(60)')
          .addColumn('lease_until', 'bigint', (c) => c.notNull())
          .addColumn('created_at', 'bigint', (c) => c.notNull())
          .addColumn('created_by', 'varchar(200)', (c) => c.notNull())
          .addColumn('started_at', 'bigint')
          .addColumn('ended_at', 'bigint')
          .execute()
        await db.schema
          .createIndex('batch_jobs_by_state')
          .on('batch_jobs')
          .columns(['state', 'id'])
          .execute()
        await db.schema
          .createTable('batch_shards')
          .addColumn('job_id', 'varchar(40)', (c) => c.notNull())
          .addColumn('shard', 'integer', (c) => c.notNull())
          .addColumn('source', 'text', (c) => c.notNull())
          .addColumn('rows', 'bigint', (c) => c.notNull())
          .addColumn('is_done', 'integer', (c) => c.notNull())
          .addColumn('attempt', 'integer', (c) => c.notNull())
          .addColumn('failures', 'integer', (c) => c.notNull())
          .addColumn('holder', 'varchar(60)')
          .addColumn('lease_until', 'bigint', (c) => c.notNull())
          .addColumn('rows_read', 'bigint', (c) => c.notNull())
          .addColumn('rows_failed', 'bigint', (c) => c.notNull())
          .addColumn('outputs', 'text')
          .addPrimaryKeyConstraint('batch_shards_pk', ['job_id', 'shard'])
          .execute()
      },
    },
  ],
}
