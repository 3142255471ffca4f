import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openSqlite } from '../../../../test/support/databases.ts'
import { openTestFeatures, T0, type TestFeatures } from '../../../../test/support/features.ts'
import { silentLogger } from '../../../platform/telemetry/logger.ts'
import { featuresMigrations } from '../migrations/index.ts'
import { createRefreshStore, type RefreshStore } from './refresh-store.ts'
import { createRefresher, nextRefresh, type Refresher } from './refresher.ts'

const MINUTE = 60_000
let features: TestFeatures
let runs: RefreshStore
let refresher: Refresher
let remove: () => Promise<void>
beforeEach(async () => {
  features = await openTestFeatures()
  const opened = await openSqlite()
  await opened.database.migrate([featuresMigrations])
  runs = createRefreshStore(opened.database)
  remove = async () => {
    await opened.database.stop(AbortSignal.timeout(1_000))
    await opened.remove()
  }
  refresher = createRefresher({
    catalog: features.store.catalog,
    store: runs,
    materialize: features.store.materialize,
    clock: features.clock,
    logger: silentLogger(),
  })
})
afterEach(async () => {
  await features.close()
  await remove()
})

const declare = (type: 'int64' | 'string' = 'int64', path = 'stats.csv') =>
  features.apply({
    entities: [{ name: 'driver', keys: [{ name: 'id', type: 'int64' }] }],
    views: [
      {
        name: 'stats',
        entities: ['driver'],
        features: [{ name: 'trips', type }],
        batch: { kind: 'csv', path: join(features.dir, path) },
        refresh: { everyMs: 10 * MINUTE },
      },
    ],
    services: [{ name: type, features: [{ view: 'stats', features: ['trips'] }] }],
  })
const write = (trips: string, path = 'stats.csv') =>
  writeFile(join(features.dir, path), `id,trips,event_timestamp\n1,${trips},2025-12-31T00:00:00Z\n`)
const trips = async (service = 'int64') => {
  const read = await features.store.online({
    project: 'default',
    wanted: { service },
    rows: [{ id: 1 }],
    now: features.clock.now(),
  })
  return read.values[0]?.[0]
}
const state = () => refresher.state(features.store.catalog.view('default', 'stats'))

test('a view is read again at its turns, and a failure is told and mended at the next', async () => {
  await write('1')
  await declare()
  await refresher.refreshDue()
  expect(await trips()).toBe(1)
  await write('2')
  features.clock.advance(10 * MINUTE - 1)
  await refresher.refreshDue()
  expect(await trips()).toBe(1)
  features.clock.advance(1)
  await write('many')
  await refresher.refreshDue()
  expect(await trips()).toBe(1)
  expect(await state()).toMatchObject({
    error: expect.stringMatching(/view "stats".*feature "trips" has the value many/) as string,
    nextAt: T0 + 20 * MINUTE,
  })
  await write('3')
  features.clock.advance(10 * MINUTE)
  await refresher.refreshDue()
  expect(await trips()).toBe(3)
  expect(await state()).toMatchObject({ error: null, lastStartedAt: T0 + 20 * MINUTE })
})

test('a run that was cut off is made at once', async () => {
  await write('1')
  await declare()
  await runs.put('default', 'stats', { startedAt: T0 - 1, endedAt: null, error: null })
  await refresher.refreshDue()
  expect(await trips()).toBe(1)
  expect(await state()).toMatchObject({ nextAt: T0 + 10 * MINUTE })
})

test('an older version that a service reads is kept up to date beside the newer one', async () => {
  await write('1')
  await declare()
  await write('one', 'words.csv')
  await declare('string', 'words.csv')
  await refresher.refreshDue()
  expect([await trips('int64'), await trips('string')]).toEqual([1, 'one'])
  await rm(join(features.dir, 'stats.csv'))
})

test.each([
  [{ everyMs: MINUTE }, null, 5],
  [{ everyMs: MINUTE }, { startedAt: 7, endedAt: 9, error: 'x' }, 7 + MINUTE],
  [{ everyMs: MINUTE }, { startedAt: 7, endedAt: null, error: null }, 7],
  [{ cron: '0 * * * *', timeZone: 'UTC' }, null, 3_600_000],
  [
    { cron: '30 2 * * *', timeZone: 'Europe/Berlin' },
    { startedAt: Date.UTC(2026, 2, 28, 12), endedAt: 1, error: null },
    Date.UTC(2026, 2, 29, 1), // 02:30 is skipped on that day
  ],
])('%j after %j comes at %d', (refresh, last, at) => expect(nextRefresh(refresh, last, 5)).toBe(at))

test.each([
  [{ cron: '61 * * * *' }, /View "stats" can't be refreshed: .*61/],
  [{ cron: '0 * * * *', timeZone: 'Mars/Base' }, /Mars\/Base/],
])('%j is refused', async (refresh, message) => {
  const view = {
    name: 'stats',
    entities: [],
    features: [{ name: 'a', type: 'int64' as const }],
    batch: { kind: 'csv' as const, path: 'x' },
  }
  await expect(features.apply({ views: [{ ...view, refresh }] })).rejects.toThrow(message)
  const { batch: _batch, ...pushed } = view
  await expect(
    features.apply({ views: [{ ...pushed, refresh: { everyMs: MINUTE } }] })
  ).rejects.toThrow('it has no source to be read again')
})
