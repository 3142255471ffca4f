import { sql, type Kysely } from 'kysely'
import type { Dialect } from './dialect.ts'

/** One step of a module's schema. Never edited once it has been released; a later step mends it. */
export type Migration = Readonly<{
  name: string
  up: (db: Kysely<unknown>, dialect: Dialect) => Promise<void>
}>

/** Migrations of one module, oldest first. */
export type ModuleMigrations = Readonly<{ module: string; migrations: readonly Migration[] }>

type MigrationTable = { schema_migrations: { module: string; name: string; applied_at: number } }

/**
 * Brings every module's schema up to date, in one transaction: all of it or nothing. Several processes may call it at once.
 * Throws when the database was written by a newer Trestle.
 */
export async function migrate(
  context: { db: Kysely<unknown>; dialect: Dialect; now: number },
  modules: readonly ModuleMigrations[]
): Promise<void> {
  await context.db.transaction().execute(async (tx) => {
    if (context.dialect === 'postgres') await sql`select pg_advisory_xact_lock(7361)`.execute(tx)
    await tx.schema
      .createTable('schema_migrations')
      .ifNotExists()
      .addColumn('module', 'varchar(60)', (c) => c.notNull())
      .addColumn('name', 'varchar(120)', (c) => c.notNull())
      .addColumn('applied_at', 'bigint', (c) => c.notNull())
      .addPrimaryKeyConstraint('schema_migrations_pk', ['module', 'name'])
      .execute()
    const table = tx as unknown as Kysely<MigrationTable>
    const applied = await table.selectFrom('schema_migrations').select(['module', 'name']).execute()
    for (const { module, migrations } of modules) {
      const done = new Set(applied.filter((row) => row.module === module).map((row) => row.name))
      const known = new Set(migrations.map((m) => m.name))
      const unknown = [...done].find((name) => !known.has(name))
      if (unknown !== undefined)
        throw new Error(
          `The database has migration ${module}/${unknown}, which this version of Trestle does not know. Use the version that wrote it, or a newer one.`
        )
      for (const migration of migrations) {
        if (done.has(migration.name)) continue
        await migration.up(tx, context.dialect)
        await table
          .insertInto('schema_migrations')
          .values({ module, name: migration.name, applied_at: context.now })
          .execute()
      }
    }
  })
}
