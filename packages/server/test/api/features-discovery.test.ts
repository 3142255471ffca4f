import { createClient, type TrestleClient } from '@trestle/sdk'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'

let app: Awaited<ReturnType<typeof startTestApp>>
let client: TrestleClient
beforeAll(async () => {
  app = await startTestApp()
  client = createClient({ url: app.url })
  await client.features.apply({ manifest: manifest() })
  await client.features.push({
    view: 'stats',
    rows: Array.from({ length: 100 }, (_, i) => ({
      id: `c${i}`,
      amount: i === 99 ? null : i,
      shop: i % 4 === 0 ? 'a' : 'b',
      event_timestamp: 1_000 + i,
    })),
  })
})
afterAll(() => app.stop())

const manifest = (deprecated: string | null = null) => ({
  entities: [{ name: 'card', keys: [{ name: 'id', type: 'string' as const }] }],
  views: [
    {
      name: 'stats',
      entities: ['card'],
      deprecated,
      features: [
        { name: 'amount', type: 'float64' as const },
        { name: 'shop', type: 'string' as const },
      ],
    },
  ],
  services: [{ name: 'svc', features: [{ view: 'stats', features: ['amount'] }] }],
})

test('the statistics of a view say what its values look like', async () => {
  const { rows, sampled, features } = await client.features.viewStatistics({ name: 'stats' })
  expect([rows, sampled]).toEqual([100, 100])
  expect(features[0]).toMatchObject({
    name: 'amount',
    rows: 100,
    nulls: 1,
    min: 0,
    max: 98,
    mean: 49,
  })
  expect(features[0]?.bins).toHaveLength(20)
  expect(features[0]?.bins.reduce((n, bin) => n + bin.rows, 0)).toBe(99)
  expect(features[1]).toMatchObject({
    name: 'shop',
    distinct: 2,
    mean: null,
    bins: [
      { label: 'b', rows: 75 },
      { label: 'a', rows: 25 },
    ],
  })
  await expect(client.features.viewStatistics({ name: 'nobody' })).rejects.toMatchObject({
    code: 'features.view_not_found',
  })
})

test('usage says who reads a view and how often', async () => {
  expect((await client.features.viewUsage({ name: 'stats' })).items).toEqual([])
  const rows = [{ id: 'c1' }, { id: 'c2' }]
  await client.features.online({ service: 'svc', rows })
  await client.features.online({ service: 'svc', rows })
  await client.features.online({ features: ['stats:shop'], rows: [{ id: 'c1' }] })
  expect((await client.features.viewUsage({ name: 'stats' })).items).toMatchObject([
    { service: 'svc', reads: 4, features: [{ name: 'amount', reads: 4 }] },
    { service: null, reads: 1, features: [{ name: 'shop', reads: 1 }] },
  ])
})

test('a deprecated view works on, and says so where it is found and read', async () => {
  const { changes } = await client.features.apply({ manifest: manifest('use card_activity') })
  expect(changes.find((c) => c.subject === 'view stats')).toMatchObject({
    kind: 'update',
    breaking: [],
  })
  expect(changes.find((c) => c.subject === 'service svc')?.advice).toEqual([
    'reads view "stats", which is deprecated: use card_activity',
  ])
  expect((await client.features.search({ q: 'stats' })).items[0]?.deprecated).toBe(
    'use card_activity'
  )
  expect((await client.features.getView({ name: 'stats' })).deprecated).toBe('use card_activity')
})

test('a feature that is there already is pointed out in a dry run', async () => {
  const { changes } = await client.features.apply({
    dryRun: true,
    manifest: {
      views: [
        { name: 'more', entities: ['card'], features: [{ name: 'amount', type: 'float32' }] },
      ],
    },
  })
  expect(changes[0]?.advice[0]).toContain('"amount" looks like "stats:amount"')
})
