import type { ModuleMigrations } from '../../../platform/database/index.ts'

export const identityMigrations: ModuleMigrations = {
  module: 'identity',
  migrations: [
    {
      name: '001-keys-projects-audit',
      async up(db) {
        await db.schema
          .createTable('projects')
          .addColumn('name', 'varchar(120)', (c) => c.primaryKey())
          .addColumn('description', 'text', (c) => c.notNull())
          .addColumn('created_at', 'bigint', (c) => c.notNull())
          .execute()
        await db.schema
          .createTable('api_keys')
          .addColumn('id', 'varchar(40)', (c) => c.primaryKey())
          .addColumn('name', 'varchar(120)', (c) => c.notNull())
          .addColumn('role', 'varchar(20)', (c) => c.notNull())
          .addColumn('project', 'varchar(120)')
          .addColumn('secret_hash', 'varchar(64)', (c) => c.notNull().unique())
          .addColumn('prefix', 'varchar(20)', (c) => c.notNull())
          .addColumn('created_at', 'bigint', (c) => c.notNull())
          .addColumn('last_used_at', 'bigint')
          .addColumn('expires_at', 'bigint')
          .addColumn('revoked_at', 'bigint')
          .execute()
        await db.schema
          .createTable('audit_log')
          .addColumn('id', 'varchar(40)', (c) => c.primaryKey())
          .addColumn('at', 'bigint', (c) => c.notNull())
          .addColumn('actor', 'varchar(200)', (c) => c.notNull())
          .addColumn('action', 'varchar(200)', (c) => c.notNull())
          .addColumn('project', 'varchar(120)')
          .addColumn('subject', 'text', (c) => c.notNull())
          .addColumn('request_id', 'varchar(128)', (c) => c.notNull())
          .addColumn('status', 'integer', (c) => c.notNull())
          .execute()
      },
    },
  ],
}
