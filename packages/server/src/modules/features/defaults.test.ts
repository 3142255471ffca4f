import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openTestFeatures, T0, type TestFeatures } from '../../../test/support/features.ts'
import { createSqliteOnlineStore } from './online/sqlite-online-store.ts'

const HOUR = 3_600_000
const declare = (features: TestFeatures, missing: number | string | null = 7) =>
  features.apply({
    entities: [{ name: 'driver', keys: [{ name: 'id', type: 'int64' }] }],
    views: [
      {
        name: 'stats',
        entities: ['driver'],
        features: [
          { name: 'trips', type: 'int64', default: missing },
          { name: 'city', type: 'string', default: "l'Aquila" },
          { name: 'plain', type: 'float64' },
        ],
        ttlMs: HOUR,
      },
    ],
    onDemandViews: [
      {
        name: 'twice',
        inputs: [{ view: 'stats', features: ['trips'] }],
        features: [{ name: 'twice', type: 'float64', expression: 'trips * 2' }],
      },
    ],
  })
const WANTED = { features: ['stats:trips', 'stats:city', 'stats:plain', 'twice:twice'] }
const push = (features: TestFeatures) =>
  features.store.push({
    project: 'default',
    view: 'stats',
    to: 'both',
    rows: [
      { id: 1, trips: 3, city: 'Rome', plain: 1, event_timestamp: T0, created: T0 },
      { id: 2, trips: null, city: null, plain: null, event_timestamp: T0, created: T0 },
      { id: 3, trips: 4, city: 'Bari', plain: 2, event_timestamp: T0 - 2 * HOUR, created: T0 },
    ],
  })
const IDS = [1, 2, 3, 4]

test('defaults stand where no row is valid, online and in training sets, and the status says why', async () => {
  const features = await openTestFeatures()
  await declare(features)
  await push(features)
  const rows = IDS.map((id) => ({ id }))
  const read = await features.store.online({
    project: 'default',
    wanted: WANTED,
    rows,
    now: T0 + 1,
  })
  expect(read.values).toEqual([
    [3, 'Rome', 1, 6],
    [null, null, null, null],
    [7, "l'Aquila", null, 14],
    [7, "l'Aquila", null, 14],
  ])
  expect(read.statuses.map(([first, , , computed]) => [first, computed])).toEqual([
    ['PRESENT', 'PRESENT'],
    ['NULL_VALUE', 'NULL_VALUE'],
    ['OUTSIDE_MAX_AGE', 'OUTSIDE_MAX_AGE'],
    ['NOT_FOUND', 'NOT_FOUND'],
  ])
  for (const plan of ['range', 'asof', 'running'] as const) {
    const joined = await features.store.historical({
      project: 'default',
      wanted: WANTED,
      entities: { kind: 'rows', rows: rows.map((r) => ({ ...r, event_timestamp: T0 + 1 })) },
      mode: 'as-known',
      plan,
    })
    expect(joined.rows.map((row) => row.slice(-4))).toEqual(read.values)
  }
  await features.close()
})

test('another default is another version', async () => {
  const features = await openTestFeatures()
  await declare(features)
  const changes = await declare(features, 8)
  expect(changes.find((c) => c.subject === 'view stats')).toMatchObject({
    version: 2,
    breaking: ['default of "trips": 7 → 8, so training data differs'],
  })
  await expect(declare(features, 'many')).rejects.toThrow(
    'View "stats" can\'t have "many" as the default of "trips": the feature is int64'
  )
  await features.close()
})

test('a store that does not answer within the deadline leaves the defaults, as timed out', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'trestle-deadline-'))
  const store = createSqliteOnlineStore(join(dir, 'online.db'))
  const features = await openTestFeatures({
    online: { ...store, read: () => new Promise(() => {}) },
  })
  await declare(features)
  await push(features)
  const read = await features.store.online({
    project: 'default',
    wanted: WANTED,
    rows: [{ id: 1 }],
    now: T0 + 1,
    deadlineMs: 5,
  })
  expect(read.values).toEqual([[7, "l'Aquila", null, 14]])
  expect(read.statuses).toEqual([['TIMED_OUT', 'TIMED_OUT', 'TIMED_OUT', 'TIMED_OUT']])
  await features.close()
  await rm(dir, { recursive: true })
})
