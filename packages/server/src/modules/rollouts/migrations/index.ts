import type { ModuleMigrations } from '../../../platform/database/index.ts'

export const rolloutMigrations: ModuleMigrations = {
  module: 'rollouts',
  migrations: [
    {
      name: '001-rollouts',
      async up(db) {
        await db.schema
          .createTable('rollouts')
          .addColumn('id', 'varchar(40)', (c) => c.primaryKey())
          .addColumn('project', 'varchar(120)', (c) => c.notNull())
          .addColumn('endpoint', 'varchar(120)', (c) => c.notNull())
          .addColumn('endpoint_id', 'varchar(60)', (c) => c.notNull())
          .addColumn('active_key', 'varchar(60)', (c) => c.unique())
          .addColumn('phase', 'varchar(20)', (c) => c.notNull())
          .addColumn('version', 'integer', (c) => c.notNull())
          .addColumn('spec', 'text', (c) => c.notNull())
          .addColumn('state', 'text', (c) => c.notNull())
          .addColumn('look', 'text')
          .addColumn('trouble', 'text')
          .addColumn('alias_before', 'text')
          .addColumn('retire_at', 'bigint')
          .addColumn('created_at', 'bigint', (c) => c.notNull())
          .addColumn('created_by', 'varchar(200)', (c) => c.notNull())
          .addColumn('ended_at', 'bigint')
          .execute()
        await db.schema
          .createIndex('rollouts_by_endpoint')
          .on('rollouts')
          .columns(['project', 'endpoint', 'id'])
          .execute()
        await db.schema
          .createIndex('rollouts_to_retire')
          .on('rollouts')
          .column('retire_at')
          .execute()
        await db.schema
          .createTable('rollout_transitions')
          .addColumn('rollout_id', 'varchar(40)', (c) => c.notNull())
          .addColumn('seq', 'integer', (c) => c.notNull())
          .addColumn('at', 'bigint', (c) => c.notNull())
          .addColumn('actor', 'varchar(200)', (c) => c.notNull())
          .addColumn('event', 'varchar(40)', (c) => c.notNull())
          .addColumn('from_phase', 'varchar(20)', (c) => c.notNull())
          .addColumn('to_phase', 'varchar(20)', (c) => c.notNull())
          .addColumn('step', 'integer', (c) => c.notNull())
          .addColumn('reason', 'text', (c) => c.notNull())
          .addColumn('weights', 'text', (c) => c.notNull())
          .addColumn('verdicts', 'text', (c) => c.notNull())
          .addPrimaryKeyConstraint('rollout_transitions_pk', ['rollout_id', 'seq'])
          .execute()
        await db.schema
          .createTable('rollout_leases')
          .addColumn('endpoint_id', 'varchar(60)', (c) => c.primaryKey())
          .addColumn('holder', 'varchar(60)', (c) => c.notNull())
          .addColumn('token', 'bigint', (c) => c.notNull())
          .addColumn('expires_at', 'bigint', (c) => c.notNull())
          .execute()
      },
    },
    {
      name: '002-policies-freezes-business-values',
      async up(db, dialect) {
        await db.schema
          .alterTable('rollouts')
          .renameColumn('alias_before', 'registry_before')
          .execute()
        for (const [table, key] of [
          ['rollout_policies', 'endpoint'],
          ['rollout_freezes', 'name'],
        ] as const)
          await db.schema
            .createTable(table)
            .addColumn('project', 'varchar(120)', (c) => c.notNull())
            .addColumn(key, 'varchar(120)', (c) => c.notNull())
            .addColumn('declared', 'text', (c) => c.notNull())
            .addColumn('updated_at', 'bigint', (c) => c.notNull())
            .addColumn('updated_by', 'varchar(200)', (c) => c.notNull())
            .addPrimaryKeyConstraint(`${table}_pk`, ['project', key])
            .execute()
        await db.schema
          .createTable('rollout_business_values')
          .addColumn('endpoint_id', 'varchar(60)', (c) => c.notNull())
          .addColumn('metric', 'varchar(120)', (c) => c.notNull())
          .addColumn('value_key', 'varchar(210)', (c) => c.notNull())
          .addColumn('variant', 'varchar(120)', (c) => c.notNull())
          .addColumn('at', 'bigint', (c) => c.notNull())
          // SQLite's `real` has 8 bytes, PostgreSQL's has 4.
          .addColumn('value', dialect === 'postgres' ? 'double precision' : 'real', (c) =>
            c.notNull()
          )
          .addPrimaryKeyConstraint('rollout_business_values_pk', [
            'endpoint_id',
            'metric',
            'value_key',
          ])
          .execute()
        await db.schema
          .createIndex('rollout_business_values_by_variant')
          .on('rollout_business_values')
          .columns(['endpoint_id', 'metric', 'variant', 'at'])
          .execute()
      },
    },
  ],
}
