import { expect, test } from 'vitest'
import { onEveryDatabase } from '../../../test/support/databases.ts'
import type { StoredEndpoint } from './endpoint.ts'
import { servingMigrations } from './index.ts'
import { createServingStore } from './store.ts'

const endpoint = (name: string): StoredEndpoint => ({
  id: `ep_${name}`,
  project: 'p',
  name,
  revision: 1,
  featureService: null,
  stickyKey: 'customer_id',
  columns: ['a', 'b'],
  logger: { url: 'http://collector/events', mode: 'all' },
  variants: [{ name: 'v1', model: { name: 'm', version: 1 }, addedAt: 5 }],
  traffic: { salt: 's', weights: [{ variant: 'v1', basisPoints: 10_000 }], shadows: [] },
  createdAt: 1_795_459_210_948,
  updatedAt: 1_795_459_210_949,
})

onEveryDatabase([servingMigrations], (database) => {
  test('an endpoint comes back as it was written', async () => {
    const store = createServingStore(database())
    expect(await store.insertEndpoint(endpoint('a'))).toBe(true)
    expect(await store.findEndpoint('p', 'a')).toEqual(endpoint('a'))
    expect(await store.findEndpoint('other', 'a')).toBeNull()
  })

  test('a name is taken once in its project', async () => {
    const store = createServingStore(database())
    const one = endpoint('b')
    const results = await Promise.all([
      store.insertEndpoint(one),
      store.insertEndpoint({ ...one, id: 'ep_other' }),
    ])
    expect(results.toSorted()).toEqual([false, true])
    expect(await store.insertEndpoint({ ...one, id: 'ep_q', project: 'q' })).toBe(true)
  })

  test('of two writers who read the same revision, one loses', async () => {
    const store = createServingStore(database())
    await store.insertEndpoint(endpoint('c'))
    const next = { ...endpoint('c'), revision: 2 }
    const results = await Promise.all([store.updateEndpoint(next), store.updateEndpoint(next)])
    expect(results.toSorted()).toEqual([false, true])
    expect((await store.findEndpoint('p', 'c'))?.revision).toBe(2)
  })

  test('a deleted endpoint is gone, once', async () => {
    const store = createServingStore(database())
    await store.insertEndpoint(endpoint('d'))
    expect(await store.deleteEndpoint('ep_d')).toBe(true)
    expect(await store.deleteEndpoint('ep_d')).toBe(false)
    expect((await store.listEndpoints()).map((e) => e.name)).not.toContain('d')
  })
})
