import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestFeatures, type TestFeatures } from '../../../../test/support/features.ts'
import type { FeatureInconsistency } from './checker.ts'

let features: TestFeatures
const told: FeatureInconsistency[] = []
beforeAll(async () => {
  features = await openTestFeatures({ sampledRowsPerMinute: 10_000 })
  features.inconsistent.subscribe((event) => told.push(event))
})
afterAll(() => features.close())

const MINUTE = 60_000
let nextView = 0

async function declare(): Promise<{
  view: string
  push: (x: number, ageMs: number, to?: 'both' | 'offline') => Promise<unknown>
  read: () => Promise<unknown>
  check: () => Promise<
    ReturnType<typeof features.store.checker.check> extends Promise<(infer C)[]>
      ? C | undefined
      : never
  >
}> {
  const view = `view${nextView++}`
  await features.apply({
    entities: [{ name: 'thing', keys: [{ name: 'id', type: 'int64' }] }],
    views: [
      {
        name: view,
        entities: ['thing'],
        ttlMs: 60 * MINUTE,
        features: [
          { name: 'x', type: 'float32' },
          { name: 'big', type: 'int64' },
        ],
      },
    ],
  })
  return {
    view,
    push: (x, ageMs, to = 'both') =>
      features.store.push({
        project: 'default',
        view,
        to,
        rows: [
          { id: 1, x, big: '9007199254740993', event_timestamp: features.clock.now() - ageMs },
        ],
      }),
    read: async () => {
      const answer = await features.store.online({
        project: 'default',
        wanted: { features: [`${view}:x`, `${view}:big`] },
        rows: [{ id: 1 }],
        now: features.store.now(),
      })
      features.clock.advance(MINUTE)
      return answer.values[0]?.[0]
    },
    check: async () => (await features.store.checker.check())[0],
  }
}

test('what is served as it was known counts as right, and what a late row changed since as lateness, not as a fault', async () => {
  const { push, read, check } = await declare()
  await read()
  await push(0.1, 30 * MINUTE)
  await read()
  await push(0.3, 50 * MINUTE)
  await read()
  await push(0.2, 10 * MINUTE)
  const counts = await check()
  expect(counts).toMatchObject({
    reads: 3,
    values: 6,
    asKnown: 6,
    inFlight: 0,
    causes: { stale: 0, missing: 0, extra: 0, value: 0 },
  })
  // The row of 50 minutes ago was not known at the first read, and the one of 10 minutes ago came after all three.
  expect(counts?.asCorrected).toBeLessThan(6)
  expect(counts?.examples.every((e) => e.cause === null)).toBe(true)
  expect(told).toEqual([])
  expect(await features.store.checker.check()).toEqual([])
})

test('a value that the history does not have is a fault, told with its example', async () => {
  const { view, push, read, check } = await declare()
  await push(1, MINUTE)
  const { storageId } = features.store.catalog.view('default', view)
  await features.online.write({
    storage: storageId,
    now: features.clock.now(),
    rows: [
      {
        key: '1',
        packed: '[2,"9007199254740993"]',
        eventUs: (features.clock.now() - MINUTE) * 1000,
        createdUs: (features.clock.now() + 1) * 1000,
        seq: 1_000_000,
      },
    ],
  })
  expect(await read()).toBe(2)
  const counts = await check()
  expect(counts).toMatchObject({ values: 2, asKnown: 1, causes: { value: 1 } })
  expect(counts?.features).toEqual([
    { name: 'x', values: 1, asKnown: 0, asCorrected: 0 },
    { name: 'big', values: 1, asKnown: 1, asCorrected: 1 },
  ])
  expect(counts?.examples[0]).toMatchObject({
    feature: 'x',
    keys: { id: 1 },
    served: 2,
    known: 1,
    corrected: 1,
    cause: 'value',
  })
  expect(told.at(-1)?.counts.view).toBe(view)
})

test('rows that wait for a materialization make what is served stale or missing', async () => {
  const { push, read, check } = await declare()
  await push(1, MINUTE, 'offline')
  features.clock.advance(MINUTE)
  await read()
  expect((await check())?.causes).toEqual({ stale: 0, missing: 2, extra: 0, value: 0 })
  await push(2, 2 * MINUTE)
  await push(3, MINUTE, 'offline')
  features.clock.advance(MINUTE)
  await read()
  expect((await check())?.causes).toMatchObject({ stale: 1 })
})

test('an event that was on its way in the second of a read is no fault', async () => {
  const { push, read, check } = await declare()
  await push(1, MINUTE)
  features.clock.advance(MINUTE)
  const now = features.clock.now()
  await read()
  // It was created within the same instant, and came after the read.
  await features.store.push({
    project: 'default',
    view: `view${nextView - 1}`,
    to: 'both',
    rows: [{ id: 1, x: 2, big: null, event_timestamp: now, created: now }],
  })
  expect(await check()).toMatchObject({ values: 2, asKnown: 2, inFlight: 2 })
})

test('counts of several runs add up per view version, and a deleted view is let go', async () => {
  const { view, push, read } = await declare()
  await push(1, MINUTE)
  for (let i = 0; i < 3; i++) {
    await read()
    await features.store.checker.check()
  }
  const { items } = await features.store.consistency('default', { view })
  expect(items).toMatchObject([{ view, version: 1, reads: 3, values: 6, asKnown: 6 }])
  await expect(features.store.consistency('default', { view: 'nobody' })).rejects.toThrow('nobody')
})
