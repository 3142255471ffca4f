import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { onEveryDatabase } from '../../../../test/support/databases.ts'
import { trackingMigrations } from '../index.ts'
import type { TrackingTables } from '../tables.ts'
import { createGroupCommit } from './group-commit.ts'

onEveryDatabase([trackingMigrations], (database) => {
  test('of many writers at once each is whole or undone, by itself', async () => {
    const db = database().as<TrackingTables>()
    const inTransaction = createGroupCommit(db, database().dialect)
    const write = (i: number) =>
      inTransaction(async (tx) => {
        const row = (key: string) => ({ run_key: i, key, value: String(i) })
        await tx.insertInto('params').values(row('first')).execute()
        if (i % 3 === 0) throw new Error(`refused ${i}`)
        if (i % 3 === 1) await sql`select * from no_such_table`.execute(tx)
        await tx.insertInto('params').values(row('second')).execute()
        return i
      })
    const outcomes = await Promise.allSettled(Array.from({ length: 150 }, (_v, i) => write(i)))
    outcomes.forEach((outcome, i) => {
      expect(outcome.status).toBe(i % 3 === 2 ? 'fulfilled' : 'rejected')
      if (i % 3 === 0) expect(outcome).toMatchObject({ reason: { message: `refused ${i}` } })
      if (i % 3 === 2) expect(outcome).toMatchObject({ value: i })
    })
    const rows = await db.selectFrom('params').select(['run_key', 'key']).execute()
    expect(rows).toHaveLength(100)
    expect(rows.every((row) => row.run_key % 3 === 2)).toBe(true)
  })
})
