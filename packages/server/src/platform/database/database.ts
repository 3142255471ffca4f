import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { Kysely, sql } from 'kysely'
import type { Clock } from '../../kernel/clock.ts'
import type { Component } from '../component.ts'
import { migrate, type ModuleMigrations } from './migrate.ts'
import type { Dialect } from './dialect.ts'
import { createNodeSqlite } from './node-sqlite.ts'
import { createPostgres } from './postgres.ts'
import { createRegexp } from './regexp.ts'

/** Where the metadata lives: a file of ours, or a PostgreSQL. */
export type DatabaseConfig = Readonly<
  { kind: 'sqlite'; path: string } | { kind: 'postgres'; url: string }
>

/** The metadata database. A module sees its own tables through `as<Tables>()` and nobody else's. */
export interface Database extends Component {
  readonly dialect: Dialect
  as<Tables>(): Kysely<Tables>
  migrate(modules: readonly ModuleMigrations[]): Promise<void>
  /** Makes ready for `text REGEXP pattern` (SQLite) or `text ~ pattern` (PostgreSQL). Throws when the pattern is not valid. */
  checkRegexp(pattern: string): Promise<void>
  /** Throws when the database does not answer. */
  ping(): Promise<void>
}

export function openDatabase(config: DatabaseConfig, deps: { clock: Clock }): Database {
  const { db, dialect, checkRegexp } = connect(config)
  let isOpen = true
  return {
    name: 'database',
    dialect,
    as: <Tables>() => db as unknown as Kysely<Tables>, // one connection pool, typed per module
    migrate: (modules) => migrate({ db, dialect, now: deps.clock.now() }, modules),
    checkRegexp,
    ping: async () => void (await sql`select 1`.execute(db)),
    start: async () => void (await sql`select 1`.execute(db)),
    async stop() {
      if (!isOpen) return
      isOpen = false
      await db.destroy()
    },
  }
}

function connect(config: DatabaseConfig): {
  db: Kysely<unknown>
  dialect: Dialect
  checkRegexp: (pattern: string) => Promise<void>
} {
  switch (config.kind) {
    case 'sqlite': {
      mkdirSync(dirname(config.path), { recursive: true })
      const { dialect, raw } = createNodeSqlite(config.path)
      return {
        db: new Kysely<unknown>({ dialect }),
        dialect: 'sqlite',
        checkRegexp: createRegexp(raw),
      }
    }
    case 'postgres': {
      const db = new Kysely<unknown>({ dialect: createPostgres(config.url).dialect })
      const checkRegexp = async (pattern: string) =>
        void (await sql`select '' ~ ${pattern}`.execute(db))
      return { db, dialect: 'postgres', checkRegexp }
    }
  }
}
