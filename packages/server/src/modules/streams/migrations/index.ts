import type { ModuleMigrations } from '../../../platform/database/index.ts'

export const streamMigrations: ModuleMigrations = {
  module: 'streams',
  migrations: [
    {
      name: '001-streams',
      async up(db) {
        await db.schema
          .createTable('streams')
          .addColumn('project', 'varchar(120)', (c) => c.notNull())
          .addColumn('name', 'varchar(120)', (c) => c.notNull())
          .addColumn('declared', 'text', (c) => c.notNull())
          .addColumn('revision', 'integer', (c) => c.notNull())
          .addColumn('created_at', 'bigint', (c) => c.notNull())
          .addPrimaryKeyConstraint('streams_pk', ['project', 'name'])
          .execute()
      },
    },
  ],
}
