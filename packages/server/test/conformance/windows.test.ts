import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Aggregate, FeatureType } from '@trestle/contract'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseRedisUrl } from '../../src/modules/features/online/redis-address.ts'
import { createRedisOnlineStore } from '../../src/modules/features/online/redis-online-store.ts'
import { openTestFeatures, type TestFeatures } from '../support/features.ts'
import { hasRedis, startRedis } from '../support/redis-server.ts'

const MINUTE = 60_000
type Window = Readonly<{ name: string; type: FeatureType; aggregate: Aggregate }>
const over = (
  fn: Aggregate['function'],
  of: string | null,
  type: FeatureType,
  [minutes, slide]: [number, number | null]
): Window => ({
  name: `${fn}_${of ?? 'all'}_${minutes}_${slide ?? 'tumbling'}`,
  type,
  aggregate: {
    function: fn,
    of,
    windowMs: minutes * MINUTE,
    slideMs: slide === null ? null : slide * MINUTE,
    percentile: fn === 'percentile' ? 75 : null,
  },
})

const SPANS: [number, number | null][] = [
  [30, 10],
  [20, 5],
  [15, null],
]
const WINDOWS = SPANS.flatMap((span) => [
  over('count', null, 'int64', span),
  over('count', 'x', 'int64', span),
  over('sum', 'x', 'float64', span),
  over('mean', 'x', 'float64', span),
  over('min', 'x', 'float64', span),
  over('max', 'x', 'float64', span),
  over('percentile', 'x', 'float64', span),
  over('last', 'x', 'float64', span),
  over('sum', 'n', 'int64', span),
  over('distinct', 'word', 'int64', span),
  over('last', 'word', 'string', span),
])

type Event = Readonly<{
  seq: number
  id: number
  event: number
  created: number
  x: number | null
  n: number
  word: string | null
}>

/** The definition, word by word: look at every event for every window. */
function naive(events: readonly Event[], { aggregate: a }: Window, at: number): unknown {
  const slide = a.slideMs
  const end = slide === null ? Math.floor(at / a.windowMs) * a.windowMs : at
  const begin = slide === null ? end - a.windowMs : Math.floor(at / slide) * slide - a.windowMs
  const inside = events.filter(
    (e) => e.event >= begin && (slide === null ? e.event < end : e.event <= end)
  )
  if (a.of === null) return inside.length
  const field = a.of as 'x' | 'n' | 'word'
  const values = inside.flatMap((e) => {
    const value = e[field]
    return value === null ? [] : [{ e, value }]
  })
  if (a.function === 'count') return values.length
  if (a.function === 'distinct') return new Set(values.map((v) => v.value)).size
  if (values.length === 0) return null
  const numbers = values.map((v) => Number(v.value)).toSorted((p, q) => p - q)
  const sum = numbers.reduce((p, q) => p + q, 0)
  switch (a.function) {
    case 'sum':
      return sum
    case 'mean':
      return sum / numbers.length
    case 'min':
      return numbers[0]
    case 'max':
      return numbers.at(-1)
    case 'percentile':
      return numbers[Math.ceil(((a.percentile ?? 0) / 100) * numbers.length) - 1]
    case 'last':
      return values
        .sort((p, q) => p.e.event - q.e.event || p.e.created - q.e.created || p.e.seq - q.e.seq)
        .at(-1)?.value
  }
}

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('push' as const),
      to: fc.constantFrom('both' as const, 'both' as const, 'offline' as const),
      id: fc.constantFrom(1, 2),
      lateMs: fc.integer({ min: -4, max: 40 }).map((m) => m * MINUTE),
      x: fc.option(
        fc.integer({ min: -800, max: 800 }).map((n) => n / 8),
        { nil: null }
      ),
      n: fc.integer({ min: -9, max: 9 }),
      word: fc.option(fc.constantFrom('a', 'b', 'c'), { nil: null }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('wait' as const),
      ms: fc.integer({ min: 1, max: 9 }).map((m) => m * MINUTE),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('read' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('materialize' as const),
      mode: fc.constantFrom('incremental' as const, 'full' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('compact' as const) }) }
)

function windowSuite(
  name: string,
  open: () => Promise<{ features: TestFeatures; remove: () => Promise<void> }>
): void {
  describe(name, () => {
    let features: TestFeatures
    let remove: () => Promise<void>
    let nextView = 0
    beforeAll(async () => {
      ;({ features, remove } = await open())
    })
    afterAll(async () => {
      await features.close()
      await remove()
    })

    test(
      'a window is what looking at every event gives: online as it is read, offline as known and as corrected',
      { timeout: 90_000 },
      async () => {
        await fc.assert(
          fc.asyncProperty(fc.array(step, { minLength: 15, maxLength: 50 }), async (steps) => {
            const view = `windows${nextView++}`
            await features.apply({
              entities: [{ name: 'thing', keys: [{ name: 'id', type: 'int64' }] }],
              views: [
                {
                  name: view,
                  entities: ['thing'],
                  inputs: [
                    { name: 'x', type: 'float64' },
                    { name: 'n', type: 'int32' },
                    { name: 'word', type: 'string' },
                  ],
                  features: WINDOWS,
                },
              ],
            })
            const events: Event[] = []
            /** Pushed to the history alone: not online before the next materialization. */
            let waiting: Event[] = []
            const served: { id: number; at: number; values: unknown[] }[] = []
            const wanted = { features: WINDOWS.map((w) => `${view}:${w.name}`) }
            for (const s of steps) {
              const now = features.clock.now()
              if (s.kind === 'wait') features.clock.advance(s.ms)
              else if (s.kind === 'compact') await features.store.compact(1)
              else if (s.kind === 'push') {
                const { id, x, n, word } = s
                const seq = events.length + waiting.length
                const event = { seq, id, x, n, word, event: now - s.lateMs, created: now }
                if (s.to === 'both') events.push(event)
                else waiting.push(event)
                await features.store.push({
                  project: 'default',
                  view,
                  to: s.to,
                  rows: [{ id, x, n, word, event_timestamp: event.event }],
                })
              } else if (s.kind === 'materialize') {
                await features.store.materialize({
                  project: 'default',
                  view,
                  mode: s.mode,
                  fromMs: null,
                  toMs: null,
                })
                events.push(...waiting)
                waiting = []
              } else {
                const at = features.store.now()
                const answer = await features.store.online({
                  project: 'default',
                  wanted,
                  rows: [{ id: 1 }, { id: 2 }, { id: 3 }],
                  now: at,
                })
                for (const [i, id] of [1, 2, 3].entries()) {
                  const mine = events.filter((e) => e.id === id && e.event <= at)
                  const expected = WINDOWS.map((w) => naive(mine, w, at))
                  expect(answer.values[i]).toEqual(expected)
                  // What waits for a materialization is known, and not served.
                  if (waiting.length === 0) served.push({ id, at, values: expected })
                }
              }
            }
            if (served.length === 0) return
            const all = [...events, ...waiting]
            const rows = served.map((r, i) => ({ id: r.id, event_timestamp: r.at, i }))
            const join = (mode: 'as-known' | 'as-corrected') =>
              features.store.historical({
                project: 'default',
                wanted,
                entities: { kind: 'rows', rows },
                mode,
              })
            const known = await join('as-known')
            expect(known.rows.map((r) => r.slice(-WINDOWS.length))).toEqual(
              served.map((r) => r.values)
            )
            const corrected = await join('as-corrected')
            expect(corrected.rows.map((r) => r.slice(-WINDOWS.length))).toEqual(
              served.map((r) => {
                const mine = all.filter((e) => e.id === r.id && e.event <= r.at)
                return WINDOWS.map((w) => naive(mine, w, r.at))
              })
            )
          }),
          { numRuns: 40, seed: 20260103 }
        )
      }
    )

    test('a new version of a window fills from the history beside the old one, which keeps being fed', async () => {
      const view = `versions${nextView++}`
      const declare = (minutes: number, service: string) =>
        features.apply({
          entities: [{ name: 'thing', keys: [{ name: 'id', type: 'int64' }] }],
          views: [
            {
              name: view,
              entities: ['thing'],
              inputs: [{ name: 'x', type: 'float64' }],
              features: [{ ...over('sum', 'x', 'float64', [minutes, 5]), name: 'spent' }],
            },
          ],
          services: [{ name: service, features: [{ view, features: ['spent'] }] }],
        })
      const now = features.clock.now()
      const push = (x: number, ageMs: number) =>
        features.store.push({
          project: 'default',
          view,
          to: 'both',
          rows: [{ id: 1, x, event_timestamp: now - ageMs }],
        })
      const read = async (service: string) =>
        (
          await features.store.online({
            project: 'default',
            wanted: { service },
            rows: [{ id: 1 }],
            now: features.clock.now(),
          })
        ).values[0]?.[0]
      await declare(10, `${view}_v1`)
      await push(1, 0)
      await push(2, 20 * MINUTE)
      const changes = await declare(30, `${view}_v2`)
      expect(changes[1]?.detail).toContain('fills from the history when it is materialized')
      expect(changes[1]?.breaking).toEqual([
        'window "spent": sum of x over 600 s by 300 s → sum of x over 1800 s by 300 s',
      ])
      await features.store.materialize({
        project: 'default',
        view,
        mode: 'incremental',
        fromMs: null,
        toMs: null,
      })
      await push(4, 0)
      expect([await read(`${view}_v1`), await read(`${view}_v2`)]).toEqual([5, 7])
    })
  })
}

test('a source file that changed takes its old events out of the windows', async () => {
  const features = await openTestFeatures()
  const path = join(features.dir, 'payments.csv')
  const at = new Date(features.clock.now() - MINUTE).toISOString()
  const declare = (source: string) =>
    features.apply({
      entities: [{ name: 'thing', keys: [{ name: 'id', type: 'int64' }] }],
      views: [
        {
          name: 'filed',
          entities: ['thing'],
          inputs: [{ name: 'x', type: 'float64' }],
          features: [over('sum', 'x', 'float64', [10, 5])],
          batch: { kind: 'csv', path: source },
        },
      ],
    })
  const materialize = () =>
    features.store.materialize({
      project: 'default',
      view: 'filed',
      mode: 'incremental',
      fromMs: null,
      toMs: null,
    })
  const read = async () =>
    (
      await features.store.online({
        project: 'default',
        wanted: { features: ['filed:sum_x_10_5'] },
        rows: [{ id: 1 }, { id: 2 }],
        now: features.clock.now(),
      })
    ).values.flat()
  await declare(path)
  await writeFile(path, `id,event_timestamp,x\n1,${at},5\n1,${at},6\n2,${at},1\n`)
  await materialize()
  await materialize()
  expect(await read()).toEqual([11, 1])
  await writeFile(path, `id,event_timestamp,x\n1,${at},7\n`)
  await materialize()
  expect(await read()).toEqual([7, null])
  await features.close()
})

windowSuite('SQLite', async () => ({
  features: await openTestFeatures(),
  remove: async () => {},
}))

describe.skipIf(!hasRedis())('with a real Redis', () => {
  windowSuite('Redis', async () => {
    const server = await startRedis()
    const online = createRedisOnlineStore(parseRedisUrl(server.url))
    await online.open('windows')
    return { features: await openTestFeatures({ online }), remove: server.stop }
  })
})
