import type { ModuleMigrations } from '../../../platform/database/index.ts'

export const servingMigrations: ModuleMigrations = {
  module: 'serving',
  migrations: [
    {
      name: '001-endpoints',
      async up(db) {
        await db.schema
          .createTable('serving_endpoints')
          .addColumn('id', 'varchar(40)', (c) => c.primaryKey())
          .addColumn('project', 'varchar(120)', (c) => c.notNull())
          .addColumn('name', 'varchar(120)', (c) => c.notNull())
          .addColumn('revision', 'integer', (c) => c.notNull())
          .addColumn('definition', 'text', (c) => c.notNull())
          .addColumn('created_at', 'bigint', (c) => c.notNull())
          .addColumn('updated_at', 'bigint', (c) => c.notNull())
          .addUniqueConstraint('serving_endpoints_name', ['project', 'name'])
          .execute()
      },
    },
    {
      name: '010-llm-limits',
      async up(db) {
        await db.schema
          .createTable('llm_limits')
          .addColumn('project', 'varchar(120)', (c) => c.notNull())
          .addColumn('name', 'varchar(120)', (c) => c.notNull())
          .addColumn('api_key_id', 'varchar(60)')
          .addColumn('endpoint', 'varchar(120)')
          .addColumn('requests_per_minute', 'integer')
          .addColumn('tokens_per_minute', 'bigint')
          .addColumn('max_concurrent', 'integer')
          .addPrimaryKeyConstraint('llm_limits_pk', ['project', 'name'])
          .execute()
      },
    },
  ],
}
