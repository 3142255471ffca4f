import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { onEveryDatabase } from '../../../test/support/databases.ts'
import type { Migration } from './migrate.ts'

const step = (name: string, statement: string): Migration => ({
  name,
  up: async (db) => void (await sql.raw(statement).execute(db)),
})

onEveryDatabase([], (database) => {
  test('steps run once, in order, and a later version adds only what is new', async () => {
    const first = { module: 'm', migrations: [step('001', 'create table a (x integer)')] }
    const second = {
      module: 'm',
      migrations: [...first.migrations, step('002', 'alter table a add column y integer')],
    }
    await database().migrate([first])
    await database().migrate([first])
    await Promise.all([database().migrate([second]), database().migrate([second])])
    await sql`insert into a (x, y) values (1, 2)`.execute(database().as())
  })

  test('a step that fails leaves the schema as it was', async () => {
    const broken = {
      module: 'n',
      migrations: [
        step('001', 'create table b (x integer)'),
        step('002', 'create tabel c (x integer)'),
      ],
    }
    await expect(database().migrate([broken])).rejects.toThrow()
    await expect(sql`select * from b`.execute(database().as())).rejects.toThrow()
  })

  test('a database of a newer version is refused', async () => {
    await database().migrate([
      { module: 'z', migrations: [step('001', 'create table z (x integer)')] },
    ])
    await expect(database().migrate([{ module: 'z', migrations: [] }])).rejects.toThrow(
      'z/001, which this version of Trestle does not know'
    )
  })
})
