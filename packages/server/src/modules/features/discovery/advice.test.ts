import { featureManifest } from '@trestle/contract'
import { expect, test } from 'vitest'
import { NOTHING_DECLARED, type Definitions, type ViewRecord } from '../definitions/model.ts'
import { adviceOn } from './advice.ts'

const there = (
  features: { name: string; type: 'int64' | 'float64' | 'string'; description?: string }[]
): Definitions => {
  const [view] = featureManifest.parse({
    views: [{ name: 'card_stats', entities: ['card'], features, deprecated: 'use card_activity' }],
  }).views
  return { ...NOTHING_DECLARED, views: new Map([['card_stats', [view as unknown as ViewRecord]]]) } // only what advice reads
}
const added = (entity: string, name: string, description = '') =>
  featureManifest.parse({
    views: [
      { name: 'new', entities: [entity], features: [{ name, type: 'float64', description }] },
    ],
  })
const known = there([
  { name: 'avg_amount_30d', type: 'float64', description: 'Mean payment over thirty days' },
  { name: 'last_shop', type: 'string' },
])
const said = (entity: string, name: string, description?: string) =>
  adviceOn(known, added(entity, name, description)).get('view new') ?? []

test('a feature that is there under another spelling is pointed out before it is made again', () => {
  expect(said('card', 'mean_amount_30d')).toEqual([
    '"mean_amount_30d" looks like "card_stats:avg_amount_30d", which is there already (Mean payment over thirty days)',
  ])
  expect(said('card', 'averageAmount_30d')).toHaveLength(1)
  expect(said('card', 'spending', 'The mean payment over thirty days')).toHaveLength(1)
})

test('features of other entities, types and meanings are left alone', () => {
  expect(said('merchant', 'avg_amount_30d')).toEqual([])
  expect(said('card', 'last_shop')).toEqual([])
  expect(said('card', 'avg_amount_7d', 'Something else')).toEqual([])
  expect(adviceOn(known, featureManifest.parse({})).size).toBe(0)
})

test('a reader of a deprecated view is told what to use instead', () => {
  const manifest = featureManifest.parse({
    services: [{ name: 'svc', features: [{ view: 'card_stats', features: ['last_shop'] }] }],
  })
  expect(adviceOn(known, manifest).get('service svc')).toEqual([
    'reads view "card_stats", which is deprecated: use card_activity',
  ])
})
