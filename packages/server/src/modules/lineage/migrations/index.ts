import type { ModuleMigrations } from '../../../platform/database/index.ts'

export const lineageMigrations: ModuleMigrations = {
  module: 'lineage',
  migrations: [
    {
      name: '001-openlineage-outbox',
      async up(db) {
        await db.schema
          .createTable('openlineage_outbox')
          .addColumn('id', 'varchar(60)', (c) => c.primaryKey())
          .addColumn('body', 'text', (c) => c.notNull())
          .addColumn('attempts', 'integer', (c) => c.notNull())
          .addColumn('due_at', 'bigint', (c) => c.notNull())
          .addColumn('last_error', 'text')
          .addColumn('created_at', 'bigint', (c) => c.notNull())
          .execute()
        await db.schema
          .createIndex('openlineage_outbox_due')
          .on('openlineage_outbox')
          .columns(['due_at', 'id'])
          .execute()
      },
    },
  ],
}
