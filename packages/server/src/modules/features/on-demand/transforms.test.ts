import { featureManifest } from '@trestle/contract'
import {
  defineEntity,
  defineFeatureService,
  defineFeatureView,
  defineOnDemandView,
  f,
  source,
  toManifest,
} from '@trestle/sdk'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openTestFeatures, T0, type TestFeatures } from '../../../../test/support/features.ts'
import { createTransforms } from './transforms.ts'

let features: TestFeatures
beforeEach(async () => {
  features = await openTestFeatures()
})
afterEach(() => features.close())

const driver = defineEntity('driver', { driver_id: f.int64() })
const stats = defineFeatureView({
  name: 'driver_stats',
  entities: [driver],
  source: source.push('stats_push'),
  features: { trips: f.int64(), since: f.timestamp(), city: f.string() },
})
const odd = 2
const derive = (definition: Pick<Parameters<typeof view>[0], 'transform'>) =>
  defineFeatureService({ name: 'derived', features: [stats.pick('trips'), view(definition)] })
const view = (definition: {
  transform: (input: {
    stats: { trips: number | bigint | null; since: Date | null; city: string | null }
    request: { at: Date; bonus: number | bigint }
  }) => { days: number | null; more: number | bigint | null; label: string | null }
}) =>
  defineOnDemandView({
    name: 'derived_now',
    views: { stats },
    request: { at: f.timestamp(), bonus: f.int64() },
    output: { days: f.float64(), more: f.int64(), label: f.string() },
    ...definition,
  })
const apply = (definition: Parameters<typeof derive>[0]) =>
  features.apply(featureManifest.parse(toManifest([derive(definition)])))
const push = () =>
  features.store.push({
    project: 'default',
    pushSource: 'stats_push',
    to: 'both',
    rows: [
      {
        driver_id: 1,
        trips: '9007199254740993',
        since: T0 - 86_400_000,
        city: 'Rome',
        event_timestamp: T0,
        created: T0,
      },
      { driver_id: 2, trips: null, since: null, city: null, event_timestamp: T0, created: T0 },
    ],
  })
const read = async () => {
  const rows = [1, 2, 3].map((driver_id) => ({ driver_id, at: T0, bonus: 1 }))
  const wanted = { service: 'derived' }
  const online = await features.store.online({
    project: 'default',
    wanted,
    rows,
    now: T0 + 1,
  })
  const joined = await features.store.historical({
    project: 'default',
    wanted,
    entities: { kind: 'rows', rows: rows.map((r) => ({ ...r, event_timestamp: T0 + 1 })) },
    mode: 'as-known',
  })
  return { online, joined: joined.rows.map((row) => row.slice(-4)) }
}

test('one function gives a feature online and in training sets', async () => {
  await apply({
    transform({ stats: { trips, since, city }, request }) {
      const days = since === null ? null : (request.at.getTime() - since.getTime()) / 86_400_000
      const more = trips === null ? null : BigInt(trips) + BigInt(request.bonus)
      return { days, more, label: city?.toUpperCase() ?? null }
    },
  })
  await push()
  const { online, joined } = await read()
  expect(online.names).toEqual(['trips', 'days', 'more', 'label'])
  expect(online.values).toEqual([
    [9007199254740993n, 1, 9007199254740994n, 'ROME'],
    [null, null, null, null],
    [null, null, null, null],
  ])
  expect(online.statuses.map((row) => row[1])).toEqual(['PRESENT', 'NULL_VALUE', 'NOT_FOUND'])
  expect(joined).toEqual(online.values)
})

test('a function that is another makes another version', async () => {
  await apply({ transform: () => ({ days: 1, more: 1, label: 'a' }) })
  const changes = await apply({ transform: () => ({ days: 2, more: 1, label: 'a' }) })
  expect(changes.find((c) => c.subject === 'on-demand view derived_now')).toMatchObject({
    kind: 'update',
    breaking: ['transform'],
    version: 2,
  })
})

test('a function that uses what is outside of it is refused when it is applied', async () => {
  await expect(
    apply({
      transform: ({ request }) => ({ days: Number(request.bonus) % odd, more: 1, label: null }),
    })
  ).rejects.toThrow('derived_now" uses "odd", which is not inside it')
  expect(features.store.catalog.of('default').views.size).toBe(0)
  const manifest = featureManifest.parse(
    toManifest([derive({ transform: () => ({ days: 1, more: 1, label: '' }) })])
  )
  const broken = manifest.onDemandViews.map((v) => ({ ...v, transform: { source: '({) => 1' } }))
  await expect(features.apply({ ...manifest, onDemandViews: broken })).rejects.toThrow(
    'The transform of on-demand view "derived_now" does not load'
  )
})

test.each([
  [
    'throws',
    () => {
      throw new Error('no such case')
    },
    'On-demand view "derived_now": Error: no such case',
  ],
  ['gives another type', () => ({ days: 'many', more: 1, label: null }), 'string for "days"'],
  [
    'reads a file',
    () => ({
      days: 1,
      more: 1,
      label: process.getBuiltinModule('node:fs').readFileSync('/etc/hosts', 'utf8'),
    }),
    'Access to this API has been restricted',
  ],
])('a function that %s fails the read by name', async (_what, transform, message) => {
  await features.apply(
    featureManifest.parse(toManifest([derive({ transform: transform as never })]))
  )
  await push()
  await expect(read()).rejects.toThrow(message)
})

test('with scripts turned off no function is taken', async () => {
  const off = createTransforms({ isAllowed: false })
  const [onDemand] = featureManifest.parse(
    toManifest([derive({ transform: () => ({ days: 1, more: 1, label: '' }) })])
  ).onDemandViews
  if (onDemand === undefined) throw new Error('one view is declared')
  await expect(off.check(onDemand)).rejects.toThrow('TRESTLE_SCRIPTS=off')
})
