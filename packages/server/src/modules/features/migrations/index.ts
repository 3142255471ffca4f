import type { ModuleMigrations } from '../../../platform/database/index.ts'

export const featuresMigrations: ModuleMigrations = {
  module: 'features',
  migrations: [
    {
      name: '001-definitions',
      async up(db) {
        await db.schema
          .createTable('feature_definitions')
          .addColumn('project', 'varchar(120)', (c) => c.notNull())
          .addColumn('kind', 'varchar(20)', (c) => c.notNull())
          .addColumn('name', 'varchar(120)', (c) => c.notNull())
          .addColumn('version', 'integer', (c) => c.notNull())
          .addColumn('spec', 'text', (c) => c.notNull())
          .addColumn('created_at', 'bigint', (c) => c.notNull())
          .addColumn('updated_at', 'bigint', (c) => c.notNull())
          .addPrimaryKeyConstraint('feature_definitions_pk', ['project', 'kind', 'name', 'version'])
          .execute()
        await db.schema
          .createTable('feature_storages')
          .addColumn('id', 'integer', (c) => c.primaryKey())
          .addColumn('project', 'varchar(120)', (c) => c.notNull())
          .addColumn('view', 'varchar(120)', (c) => c.notNull())
          .addColumn('spec', 'text', (c) => c.notNull())
          .execute()
        await db.schema
          .createTable('feature_training_sets')
          .addColumn('id', 'varchar(40)', (c) => c.primaryKey())
          .addColumn('project', 'varchar(120)', (c) => c.notNull())
          .addColumn('name', 'varchar(120)', (c) => c.notNull())
          .addColumn('digest', 'varchar(64)', (c) => c.notNull())
          .addColumn('spec', 'text', (c) => c.notNull())
          .addColumn('created_at', 'bigint', (c) => c.notNull())
          .execute()
      },
    },
    {
      name: '002-settings',
      async up(db) {
        await db.schema
          .createTable('feature_settings')
          .addColumn('name', 'varchar(60)', (c) => c.primaryKey())
          .addColumn('value', 'text', (c) => c.notNull())
          .execute()
      },
    },
    {
      name: '003-consistency',
      async up(db) {
        await db.schema
          .createTable('feature_consistency')
          .addColumn('project', 'varchar(120)', (c) => c.notNull())
          .addColumn('view', 'varchar(120)', (c) => c.notNull())
          .addColumn('version', 'integer', (c) => c.notNull())
          .addColumn('hour', 'bigint', (c) => c.notNull())
          .addColumn('spec', 'text', (c) => c.notNull())
          .addPrimaryKeyConstraint('feature_consistency_pk', ['project', 'view', 'version', 'hour'])
          .execute()
      },
    },
    {
      name: '004-usage',
      async up(db) {
        await db.schema
          .createTable('feature_usage')
          .addColumn('project', 'varchar(120)', (c) => c.notNull())
          .addColumn('view', 'varchar(120)', (c) => c.notNull())
          .addColumn('feature', 'varchar(120)', (c) => c.notNull())
          .addColumn('service', 'varchar(120)', (c) => c.notNull())
          .addColumn('day', 'bigint', (c) => c.notNull())
          .addColumn('reads', 'bigint', (c) => c.notNull())
          .addColumn('last_read_at', 'bigint', (c) => c.notNull())
          .addPrimaryKeyConstraint('feature_usage_pk', [
            'project',
            'view',
            'feature',
            'service',
            'day',
          ])
          .execute()
      },
    },
    {
      name: '005-refreshes',
      async up(db) {
        await db.schema
          .createTable('feature_refreshes')
          .addColumn('project', 'varchar(120)', (c) => c.notNull())
          .addColumn('view', 'varchar(120)', (c) => c.notNull())
          .addColumn('started_at', 'bigint', (c) => c.notNull())
          .addColumn('ended_at', 'bigint')
          .addColumn('error', 'text')
          .addPrimaryKeyConstraint('feature_refreshes_pk', ['project', 'view'])
          .execute()
      },
    },
  ],
}
