import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, inject } from 'vitest'
import { systemClock } from '../../src/kernel/clock.ts'
import {
  openDatabase,
  type Database,
  type ModuleMigrations,
} from '../../src/platform/database/index.ts'

/** Runs a store suite on SQLite and on a real PostgreSQL, each on a fresh migrated database: `onEveryDatabase([identityMigrations], (database) => { test(…) })`. */
export function onEveryDatabase(
  migrations: readonly ModuleMigrations[],
  suite: (database: () => Database) => void
): void {
  describe('on SQLite', () => {
    suite(useDatabase(migrations, openSqlite))
  })
  const url = inject('postgresUrl')
  describe.skipIf(url === null)('on PostgreSQL', () => {
    suite(useDatabase(migrations, () => openPostgres(url ?? '')))
  })
}

type Opened = { database: Database; remove: () => Promise<void> }

function useDatabase(
  migrations: readonly ModuleMigrations[],
  open: () => Promise<Opened>
): () => Database {
  let opened: Opened | null = null
  beforeAll(async () => {
    opened = await open()
    await opened.database.migrate(migrations)
  })
  afterAll(async () => {
    await opened?.database.stop(AbortSignal.timeout(5_000))
    await opened?.remove()
  })
  return () => {
    if (opened === null) throw new Error('The database opens in beforeAll')
    return opened.database
  }
}

/** A fresh SQLite database in a folder of its own. */
export async function openSqlite(): Promise<Opened> {
  const directory = await mkdtemp(join(tmpdir(), 'trestle-db-'))
  const database = openDatabase(
    { kind: 'sqlite', path: join(directory, 'trestle.db') },
    { clock: systemClock }
  )
  return { database, remove: () => rm(directory, { recursive: true, force: true }) }
}

/** A fresh, empty database on a PostgreSQL server. */
export async function createPostgres(
  serverUrl: string
): Promise<{ url: string; remove: () => Promise<void> }> {
  const name = `t${randomUUID().replaceAll('-', '')}`
  await administer(serverUrl, `create database ${name}`)
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  return {
    url: url.href,
    remove: () => administer(serverUrl, `drop database if exists ${name} with (force)`),
  }
}

async function openPostgres(serverUrl: string): Promise<Opened> {
  const { url, remove } = await createPostgres(serverUrl)
  return { database: openDatabase({ kind: 'postgres', url }, { clock: systemClock }), remove }
}

async function administer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
