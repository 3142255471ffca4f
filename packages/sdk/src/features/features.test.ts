import { featureManifest } from '@trestle/contract'
import { expect, test } from 'vitest'
import type { TrestleClient } from '../client.ts'
import { agg } from './aggregate.ts'
import {
  defineAggregateView,
  defineEntity,
  defineFeatureService,
  defineFeatureView,
  defineOnDemandView,
} from './declare.ts'
import { f } from './field.ts'
import { toManifest } from './manifest.ts'
import { readHistorical, readOnline } from './read.ts'
import { source } from './source.ts'

const driver = defineEntity('driver', { driver_id: f.int64() })
const stats = defineFeatureView({
  name: 'driver_stats',
  entities: [driver],
  source: source.push(
    'driver_push',
    source.parquet({ path: 'data/stats.parquet', createdTime: 'created' })
  ),
  ttl: '24h',
  owner: 'ml@acme.dev',
  tags: { team: 'drivers' },
  features: {
    conv_rate: f.float32(),
    acc_rate: f.float32(),
    trips: f.int64().describe('Trips in a day'),
  },
})
const boosted = defineOnDemandView({
  name: 'boosted',
  views: { stats: stats.pick('trips') },
  request: { bonus: f.float64() },
  output: { boosted: f.float64() },
  expressions: { boosted: 'trips * 2 + bonus' },
})
const plus = defineOnDemandView({
  name: 'plus',
  views: { stats },
  request: { bonus: f.float64() },
  output: { conv_plus: f.float64() },
  transform: ({ stats: s, request }) => ({
    conv_plus: s.conv_rate === null ? null : s.conv_rate + request.bonus,
  }),
})
const service = defineFeatureService({
  name: 'activity',
  features: [stats.pick('conv_rate', 'trips'), boosted],
})
const withTransform = defineFeatureService({
  name: 'activity_ts',
  features: [stats.pick('trips'), plus],
})

test('a service brings along everything that it refers to, as a manifest that the contract accepts', () => {
  const manifest = toManifest([service])
  expect(featureManifest.parse(manifest)).toEqual(manifest)
  expect(manifest).toMatchObject({
    entities: [{ name: 'driver', keys: [{ name: 'driver_id', type: 'int64' }] }],
    views: [
      {
        name: 'driver_stats',
        ttlMs: 86_400_000,
        pushSource: 'driver_push',
        batch: { kind: 'parquet', path: 'data/stats.parquet', createdTime: 'created' },
        features: [{}, {}, { name: 'trips', type: 'int64', description: 'Trips in a day' }],
      },
    ],
    onDemandViews: [
      { name: 'boosted', features: [{ name: 'boosted', expression: 'trips * 2 + bonus' }] },
    ],
    services: [
      {
        features: [{ view: 'driver_stats', features: ['conv_rate', 'trips'] }, { view: 'boosted' }],
      },
    ],
  })
})

test('windows are declared over inputs, with the types that they give', async () => {
  const payments = defineAggregateView({
    name: 'payments',
    entities: [driver],
    source: source.push('payments'),
    inputs: { amount: f.float64(), items: f.int32(), shop: f.string() },
    features: {
      spent_1h: agg.sum('amount', { window: '1h', slide: '1m' }).describe('Spent lately'),
      items_1d: agg.sum('items', { window: '1d' }),
      shops_1d: agg.distinct('shop', { window: '1d', slide: '1h' }),
      last_shop: agg.last('shop', { window: '7d', slide: '1h' }),
      p99: agg.percentile('amount', 99, { window: '1d', slide: '1h' }),
      count_1h: agg.count({ window: '1h', slide: '1m' }),
    },
  })
  const spending = defineFeatureService({ name: 'spending', features: [payments] })
  const manifest = toManifest([spending])
  expect(featureManifest.parse(manifest)).toEqual(manifest)
  expect(manifest.views[0]).toMatchObject({
    inputs: [{ name: 'amount', type: 'float64' }, { name: 'items' }, { name: 'shop' }],
    features: [
      {
        name: 'spent_1h',
        type: 'float64',
        description: 'Spent lately',
        aggregate: { function: 'sum', of: 'amount', windowMs: 3_600_000, slideMs: 60_000 },
      },
      { name: 'items_1d', type: 'int64', aggregate: { slideMs: null } },
      { name: 'shops_1d', type: 'int64' },
      { name: 'last_shop', type: 'string' },
      { name: 'p99', type: 'float64', aggregate: { percentile: 99 } },
      { name: 'count_1h', type: 'int64', aggregate: { function: 'count', of: null } },
    ],
  })
  const client = clientOf({ online: { names: [], values: [[]], statuses: [[]], eventTimes: [[]] } })
  const [row] = await readOnline(client, spending, [{ driver_id: 1 }])
  const shop: string | null | undefined = row?.values.last_shop
  const spent: number | null | undefined = row?.values.spent_1h
  expect([shop, spent]).toEqual([null, null])
  void (() =>
    defineAggregateView({
      name: 'bad',
      entities: [driver],
      source: source.push('p'),
      inputs: { amount: f.float64() },
      // @ts-expect-error there is no input "amuont"
      features: { spent: agg.sum('amuont', { window: '1h' }) },
    }))
})

test('two declarations under one name are refused', () => {
  expect(() => toManifest([driver, defineEntity('driver', { id: f.string() })])).toThrow(
    'two entities called "driver"'
  )
})

test('an alias renames features and join keys', () => {
  const place = defineEntity('place', { place_id: f.int64() })
  const weather = defineFeatureView({
    name: 'weather',
    entities: [place],
    source: source.push('w'),
    features: { temp: f.float64() },
  })
  const trip = defineFeatureService({
    name: 'trip',
    features: [
      weather.as('origin', { place_id: 'from_id' }),
      weather.as('goal', { place_id: 'to_id' }).pick('goal__temp'),
    ],
  })
  expect(toManifest([trip]).services[0]?.features).toMatchObject([
    { view: 'weather', alias: 'origin', features: ['temp'], joinKeyMap: { place_id: 'from_id' } },
    { view: 'weather', alias: 'goal', features: ['temp'], joinKeyMap: { place_id: 'to_id' } },
  ])
  // @ts-expect-error the keys are renamed: there is no place_id
  void (() => readOnline(clientOf({}), trip, [{ place_id: 1, to_id: 2 }]))
})

const clientOf = (answers: { online?: unknown; historical?: unknown }): TrestleClient =>
  ({
    features: { online: async () => answers.online, historical: async () => answers.historical },
  }) as unknown as TrestleClient // only what the functions under test call

test('a read gives values by name, with their declared types', async () => {
  const client = clientOf({
    online: {
      names: ['conv_rate', 'trips', 'boosted'],
      values: [[0.5, '9007199254740993', null]],
      statuses: [['PRESENT', 'PRESENT', 'NULL_VALUE']],
      eventTimes: [[1000, 1000, null]],
    },
  })
  const [row] = await readOnline(client, service, [{ driver_id: 1n, bonus: 2 }])
  expect(row?.values).toEqual({ conv_rate: 0.5, trips: 9007199254740993n, boosted: null })
  expect(row?.statuses.boosted).toBe('NULL_VALUE')
  expect(row?.eventTimes.trips).toEqual(new Date(1000))
})

test('a TypeScript transform goes along as its text, and is read like any other feature', async () => {
  const manifest = toManifest([withTransform])
  expect(featureManifest.parse(manifest)).toEqual(manifest)
  expect(manifest.onDemandViews[0]).toMatchObject({
    inputs: [{ view: 'driver_stats', as: 'stats' }],
    features: [{ name: 'conv_plus', expression: null }],
    transform: { source: expect.stringMatching(/^\(\{ stats: s, request \}\) =>/) as string },
  })
  const online = {
    names: ['trips', 'conv_plus'],
    values: [[7, 2.5]],
    statuses: [[]],
    eventTimes: [[]],
  }
  const client = clientOf({
    online,
    historical: { columns: [], rows: [{ trips: 7, conv_plus: 2.5 }] },
  })
  const [now] = await readOnline(client, withTransform, [{ driver_id: 1, bonus: 2 }])
  const [then] = await readHistorical(client, withTransform, {
    rows: [{ driver_id: 1, bonus: 2, event_timestamp: new Date(0), label: true }],
  })
  expect(now?.values).toEqual({ trips: 7, conv_plus: 2.5 })
  expect(then).toMatchObject({ bonus: 2, label: true, trips: 7, conv_plus: 2.5 })
  const label: boolean | undefined = then?.label
  const plusValue: number | null | undefined = then?.conv_plus
  expect([label, plusValue]).toEqual([true, 2.5])
})

// What must not compile. Never run: tsc checks it.
void (async () => {
  const client = clientOf({})
  const [row] = await readOnline(client, service, [{ driver_id: 1, bonus: 2 }])
  const rate: number | null | undefined = row?.values.conv_rate
  // @ts-expect-error any stored value may be null
  const sure: number | undefined = row?.values.conv_rate
  // @ts-expect-error the service did not pick acc_rate
  void row?.values.acc_rate
  // @ts-expect-error driver_id is missing
  void readOnline(client, service, [{ bonus: 2 }])
  // @ts-expect-error the request value is missing
  void readOnline(client, service, [{ driver_id: 1 }])
  // @ts-expect-error a key of another type
  void readOnline(client, service, [{ driver_id: 'one', bonus: 2 }])
  // @ts-expect-error no such feature
  stats.pick('nope')
  defineFeatureView({
    name: 'z',
    entities: [driver],
    source: source.push('p'),
    // @ts-expect-error no such duration
    ttl: '24 hours',
    features: { a: f.string() },
  })
  defineOnDemandView({
    name: 'bad',
    views: { stats },
    output: { y: f.float64() },
    // @ts-expect-error the transform gives another type than it declares
    transform: () => ({ y: 'no' }),
  })
  defineOnDemandView({
    name: 'bad2',
    views: { stats },
    output: { y: f.float64() },
    // @ts-expect-error a stored input may be null
    transform: ({ stats: s }) => ({ y: Math.abs(s.conv_rate) }),
  })
  // @ts-expect-error a float is no key
  defineEntity('odd', { id: f.float64() })
  void [rate, sure]
})
