import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createClient, TrestleError, type TrestleClient } from '@trestle/sdk'
import { tableFromIPC } from 'apache-arrow'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'

let app: Awaited<ReturnType<typeof startTestApp>>
let client: TrestleClient
type Input<K extends keyof TrestleClient['features']> = Parameters<TrestleClient['features'][K]>[0]
const HOUR = 3_600_000

beforeAll(async () => {
  app = await startTestApp()
  client = createClient({ url: app.url })
  await writeFile(
    join(app.dataDir, 'stats.csv'),
    [
      'driver_id,event_timestamp,conv_rate,trips,code',
      '1,2026-01-01T00:00:00Z,0.5,10,007',
      '1,2026-01-01 01:00:00,0.25,11,008',
      '9007199254740993,2026-01-01T00:00:00Z,,12,',
      ',2026-01-01T00:00:00Z,0.1,13,x',
    ].join('\n')
  )
  const { changes } = await client.features.apply({ manifest: manifest() })
  expect(changes.map((c) => [c.kind, c.subject])).toEqual([
    ['create', 'entity driver'],
    ['create', 'view stats'],
    ['create', 'view live'],
    ['create', 'on-demand view derived'],
    ['create', 'service activity'],
  ])
})
afterAll(() => app.stop())

const manifest = () => ({
  entities: [{ name: 'driver', keys: [{ name: 'driver_id', type: 'int64' as const }] }],
  views: [
    {
      name: 'stats',
      entities: ['driver'],
      features: [
        { name: 'conv_rate', type: 'float64' as const, description: 'Conversion rate' },
        { name: 'trips', type: 'int64' as const },
        { name: 'code', type: 'string' as const },
      ],
      batch: { kind: 'csv' as const, path: join(app.dataDir, 'stats.csv') },
      tags: { team: 'drivers' },
    },
    {
      name: 'live',
      entities: ['driver'],
      features: [{ name: 'rating', type: 'float32' as const }],
      ttlMs: HOUR,
      pushSource: 'live_push',
    },
  ],
  onDemandViews: [
    {
      name: 'derived',
      inputs: [{ view: 'stats', features: ['trips'] }],
      request: [{ name: 'bonus', type: 'float64' as const }],
      features: [{ name: 'boosted', type: 'float64' as const, expression: 'trips * 2 + bonus' }],
    },
  ],
  services: [
    {
      name: 'activity',
      features: [
        { view: 'stats', features: ['conv_rate', 'trips', 'code'] },
        { view: 'live', features: ['rating'] },
        { view: 'derived', features: ['boosted'] },
      ],
    },
  ],
})

test('an apply of the same manifest changes nothing', async () => {
  const { changes } = await client.features.apply({ manifest: manifest() })
  expect(new Set(changes.map((c) => c.kind))).toEqual(new Set(['unchanged']))
})

test('a source file is materialized and pushed rows are served, integers exact and text untouched', async () => {
  const { views } = await client.features.materialize({})
  expect(views).toMatchObject([
    { view: 'live', importedRows: 0, materializedRows: 0 },
    { view: 'stats', importedRows: 3, skippedRows: 1, materializedRows: 2 },
  ])
  await client.features.push({
    pushSource: 'live_push',
    rows: [{ driver_id: 1, rating: 4.5, event_timestamp: Date.now() }],
  })
  const answer = await client.features.online({
    service: 'activity',
    rows: [
      { driver_id: 1, bonus: 0.5 },
      { driver_id: '9007199254740993', bonus: null },
      { driver_id: 404, bonus: 1 },
    ],
  })
  expect(answer.names).toEqual(['conv_rate', 'trips', 'code', 'rating', 'boosted'])
  expect(answer.values).toEqual([
    [0.25, 11, '008', 4.5, 22.5],
    [null, 12, null, null, null],
    [null, null, null, null, null],
  ])
  expect(answer.statuses).toEqual([
    ['PRESENT', 'PRESENT', 'PRESENT', 'PRESENT', 'PRESENT'],
    ['NULL_VALUE', 'PRESENT', 'NULL_VALUE', 'NOT_FOUND', 'NULL_VALUE'],
    ['NOT_FOUND', 'NOT_FOUND', 'NOT_FOUND', 'NOT_FOUND', 'NOT_FOUND'],
  ])
  expect(answer.eventTimes[0]?.[0]).toBe(Date.UTC(2026, 0, 1, 1))
})

test('a second materialization finds nothing to do, and says so', async () => {
  const { views } = await client.features.materialize({ view: 'stats' })
  expect(views).toMatchObject([{ importedRows: 0, materializedRows: 0 }])
})

test('historical rows come as they were, with what was handed through', async () => {
  const { rows } = await client.features.historical({
    features: ['stats:trips', 'stats:conv_rate'],
    rows: [
      { driver_id: 1, event_timestamp: '2026-01-01T00:30:00Z', label: true },
      { driver_id: 1, event_timestamp: '2025-12-31T00:00:00Z', label: false },
      { driver_id: 1, event_timestamp: '2026-01-02T00:00:00Z', label: true },
    ],
  })
  expect(rows.map((r) => [r['trips'], r['conv_rate'], r['label']])).toEqual([
    [10, 0.5, true],
    [null, null, false],
    [11, 0.25, true],
  ])
})

test('a training set is named by its content: the same rows make the same file', async () => {
  const make = () =>
    client.features.createTrainingSet({
      name: 'first',
      service: 'activity',
      rows: [{ driver_id: 1, bonus: 1, event_timestamp: '2026-01-02T00:00:00Z', label: 1 }],
    })
  const [a, b] = [await make(), await make()]
  expect(a).toMatchObject({
    rows: 1,
    service: 'activity@v1',
    views: ['stats@v1', 'live@v1'],
    mode: 'as-corrected',
  })
  expect(a.columns.map((c) => `${c.name} ${c.type}`)).toEqual([
    'event_timestamp TIMESTAMP WITH TIME ZONE',
    'driver_id BIGINT',
    'bonus DOUBLE',
    'label BIGINT',
    'conv_rate DOUBLE',
    'trips BIGINT',
    'code VARCHAR',
    'rating FLOAT',
    'boosted DOUBLE',
  ])
  expect(b.digest).toBe(a.digest)
  const parquet = Buffer.from(
    await new Response(await client.trainingSetFile(a.digest)).arrayBuffer()
  )
  expect(createHash('sha256').update(parquet).digest('hex')).toBe(a.digest)
  const arrow = await new Response(
    await client.trainingSetFile(a.digest, { format: 'arrow' })
  ).arrayBuffer()
  const [row] = tableFromIPC(new Uint8Array(arrow)).toArray() as Record<string, unknown>[]
  expect({ ...row }).toMatchObject({
    event_timestamp: Date.UTC(2026, 0, 2),
    driver_id: 1n,
    trips: 11n,
    code: '008',
    rating: null,
    boosted: 23,
  })
  await expect(client.trainingSetFile('0'.repeat(64))).rejects.toThrow('There is no training set')
  expect((await client.features.listTrainingSets()).items).toHaveLength(2)
})

test('the catalogue shows versions, counts and freshness, and is searched', async () => {
  const view = await client.features.getView({ name: 'stats' })
  expect(view).toMatchObject({
    version: 1,
    offlineRows: 3,
    onlineRows: 2,
    newestEventAt: Date.UTC(2026, 0, 1, 1),
    services: ['activity'],
  })
  const { items } = await client.features.search({ q: 'conversion' })
  expect(items).toMatchObject([
    { kind: 'feature', name: 'conv_rate', view: 'stats', tags: { team: 'drivers' } },
  ])
})

test.each<[string, Input<'online'>, string, RegExp]>([
  ['an unknown service', { service: 'nope', rows: [{}] }, 'features.service_not_found', /"nope"/],
  ['an unknown view', { features: ['nope:x'], rows: [{}] }, 'features.view_not_found', /"nope"/],
  [
    'an unknown feature',
    { features: ['stats:zzz'], rows: [{}] },
    'features.feature_not_found',
    /"stats" has no feature "zzz"/,
  ],
  [
    'a missing key',
    { features: ['stats:trips'], rows: [{ foo: 1 }] },
    'request.invalid',
    /"driver_id", which view "stats"/,
  ],
  [
    'a key of another type',
    { features: ['stats:trips'], rows: [{ driver_id: 'one' }] },
    'request.invalid',
    /"driver_id" is int64, not "one"/,
  ],
  [
    'a key that lost digits',
    { features: ['stats:trips'], rows: [{ driver_id: 2 ** 53 }] },
    'request.invalid',
    /int64/,
  ],
  [
    'the same name twice',
    { features: ['stats:trips', 'stats:trips'], rows: [{ driver_id: 1 }] },
    'request.invalid',
    /"trips"/,
  ],
])('an online read with %s is refused by name', async (_what, body, code, message) => {
  const error = await client.features.online(body).catch((e: unknown) => e)
  expect(error).toBeInstanceOf(TrestleError)
  expect(error).toMatchObject({ code, message: expect.stringMatching(message) as string })
})

test.each([
  [{ driver_id: 1, rating: 'high', event_timestamp: 0 }, /feature "rating" is float32, not "high"/],
  [{ driver_id: 1, event_timestamp: 0 }, /feature "rating" is missing/],
  [{ rating: 1, event_timestamp: 0 }, /key "driver_id" is missing/],
  [{ driver_id: 1, rating: 1 }, /event_timestamp/],
  [
    { driver_id: 1, rating: 1, ratng: 2, event_timestamp: 0 },
    /"live" has no key or feature "ratng"/,
  ],
])('a push of %j is refused, and with it the whole batch', async (row, message) => {
  const before = await client.features.getView({ name: 'live' })
  const good = { driver_id: 77, rating: 1, event_timestamp: 0 }
  await expect(client.features.push({ view: 'live', rows: [good, row] })).rejects.toThrow(message)
  const after = await client.features.getView({ name: 'live' })
  expect([after.offlineRows, after.onlineRows]).toEqual([before.offlineRows, before.onlineRows])
})

test('a source that lost a column, or whose column changed its type, is refused by view and feature', async () => {
  const path = join(app.dataDir, 'changed.csv')
  await writeFile(path, 'driver_id,event_timestamp,trips\n1,2026-01-01,5\n')
  await client.features.apply({
    manifest: {
      views: [
        {
          name: 'changed',
          entities: ['driver'],
          features: [{ name: 'trips', type: 'int64' }],
          batch: { kind: 'csv', path },
        },
      ],
    },
  })
  await client.features.materialize({ view: 'changed' })
  await writeFile(path, 'driver_id,event_timestamp,journeys\n1,2026-01-02,6\n')
  await expect(client.features.materialize({ view: 'changed' })).rejects.toThrow(
    /view "changed".*feature "trips" reads column "trips", and there is none.*journeys/
  )
  await writeFile(path, 'driver_id,event_timestamp,trips\n1,2026-01-02,many\n')
  await expect(client.features.materialize({ view: 'changed' })).rejects.toThrow(
    /feature "trips" has the value many, which is not int64/
  )
  await writeFile(path, 'driver_id,event_timestamp,trips\n1,2026-01-02,1.5\n')
  await expect(client.features.materialize({ view: 'changed' })).rejects.toThrow(
    /1\.5, which is not int64/
  )
  const answer = await client.features.online({
    features: ['changed:trips'],
    rows: [{ driver_id: 1 }],
  })
  expect(answer.values).toEqual([[5]])
})
