import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestFeatures, T0, type TestFeatures } from '../../../test/support/features.ts'

let features: TestFeatures
beforeAll(async () => {
  features = await openTestFeatures()
})
afterAll(() => features.close())

let nextView = 0
const MINUTE = 60_000
const TTL = 12 * MINUTE

async function declare(ttlMs: number | null): Promise<string> {
  const view = `view${nextView++}`
  await features.apply({
    entities: [
      {
        name: 'pair',
        keys: [
          { name: 'a', type: 'int64' },
          { name: 'b', type: 'string' },
        ],
      },
    ],
    views: [
      {
        name: view,
        entities: ['pair'],
        features: [
          { name: 'x', type: 'int64' },
          { name: 'y', type: 'float32' },
        ],
        ttlMs,
      },
    ],
  })
  return view
}

type Row = {
  a: number
  b: string
  event: number
  created: number | null
  x: number | null
  y: number | null
}
type Query = { a: number | null; b: string; at: number }

/** The definition, word by word: look at every row for every query. */
function oracle(
  rows: readonly Row[],
  query: Query,
  rule: { ttl: number | null; asKnown: boolean }
): (number | null)[] {
  let winner: { row: Row; seq: number } | null = null
  rows.forEach((row, seq) => {
    if (row.a !== query.a || row.b !== query.b || row.event > query.at) return
    if (rule.asKnown && (row.created === null || row.created > query.at)) return
    const isNewer =
      winner === null ||
      row.event > winner.row.event ||
      (row.event === winner.row.event &&
        (row.created ?? -Infinity) >= (winner.row.created ?? -Infinity))
    if (isNewer) winner = { row, seq }
  })
  const found = winner as { row: Row } | null
  if (found === null || (rule.ttl !== null && query.at > found.row.event + rule.ttl))
    return [null, null]
  return [found.row.x, found.row.y]
}

// Few instants, multiples of 6 minutes, so that ties and the very end of a ttl come up.
const minute = fc.integer({ min: 0, max: 5 }).map((m) => T0 - 60 * MINUTE + m * 6 * MINUTE)
const rows = fc.array(
  fc.record({
    a: fc.constantFrom(1, 11),
    b: fc.constantFrom('2', '12', '1'),
    event: minute,
    created: minute,
    x: fc.option(fc.nat(100), { nil: null }),
    y: fc.option(
      fc.nat(8).map((n) => n / 8),
      { nil: null }
    ),
  }),
  { minLength: 1, maxLength: 40 }
)
// On both sides of 64 rows: DuckDB joins small probes by another plan.
const queries = fc.oneof(
  fc.array(
    fc.record({
      a: fc.option(fc.constantFrom(1, 11, 7), { nil: null }),
      b: fc.constantFrom('2', '12'),
      at: minute,
    }),
    { minLength: 1, maxLength: 20 }
  ),
  fc.array(fc.record({ a: fc.constantFrom(1, 11), b: fc.constantFrom('2', '1'), at: minute }), {
    minLength: 65,
    maxLength: 90,
  })
)

const PLANS = [
  ['as-known', null],
  ['as-known', 'range'],
  ['as-known', 'running'],
  ['as-corrected', null],
  ['as-corrected', 'range'],
  ['as-corrected', 'asof'],
] as const

test('a join is what looking at every row for every entity row gives, in both modes and by every plan, with and without a ttl', async () => {
  await fc.assert(
    fc.asyncProperty(
      rows,
      queries,
      fc.boolean(),
      fc.boolean(),
      async (given, asked, hasTtl, compacts) => {
        const ttl = hasTtl ? TTL : null
        const view = await declare(ttl)
        const half = Math.floor(given.length / 2)
        for (const part of [given.slice(0, half), given.slice(half)]) {
          if (part.length > 0)
            await features.store.push({
              project: 'default',
              view,
              to: 'offline',
              rows: part.map(({ event, ...r }) => ({ ...r, event_timestamp: event })),
            })
          if (compacts) await features.store.compact(1)
        }
        for (const [mode, plan] of PLANS) {
          const joined = await features.store.historical({
            project: 'default',
            wanted: { features: [`${view}:x`, `${view}:y`] },
            entities: {
              kind: 'rows',
              rows: asked.map(({ at, ...keys }, i) => ({ ...keys, event_timestamp: at, i })),
            },
            mode,
            ...(plan === null ? {} : { plan }),
          })
          const columns = ['i', 'x', 'y'].map((c) => joined.columns.indexOf(c))
          expect(joined.rows.map((r) => columns.map((c) => r[c]))).toEqual(
            asked.map((q, i) => [i, ...oracle(given, q, { ttl, asKnown: mode === 'as-known' })])
          )
        }
      }
    ),
    { numRuns: 25, seed: 20260101 }
  )
}, 60_000)

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('push' as const),
      a: fc.constantFrom(1, 2),
      lateMs: fc.integer({ min: -3, max: 15 }).map((m) => m * MINUTE),
      x: fc.option(fc.nat(99), { nil: null }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('wait' as const),
      ms: fc.integer({ min: 1, max: 4 }).map((m) => m * MINUTE),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('read' as const), a: fc.constantFrom(1, 2) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('materialize' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('compact' as const) }) }
)

test('what was served online at an instant is the as-known offline answer at that instant, however late rows come', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
      const view = await declare(TTL)
      const wanted = { features: [`${view}:x`] }
      const served: { a: number; at: number; x: unknown }[] = []
      for (const s of steps) {
        const now = features.clock.now()
        if (s.kind === 'wait') features.clock.advance(s.ms)
        else if (s.kind === 'push')
          await features.store.push({
            project: 'default',
            view,
            to: 'both',
            rows: [{ a: s.a, b: 'z', x: s.x, y: null, event_timestamp: now - s.lateMs }],
          })
        else if (s.kind === 'materialize')
          await features.store.materialize({
            project: 'default',
            view,
            mode: 'incremental',
            fromMs: null,
            toMs: null,
          })
        else if (s.kind === 'compact') await features.store.compact(1)
        else {
          const at = features.store.now()
          const answer = await features.store.online({
            project: 'default',
            wanted,
            rows: [{ a: s.a, b: 'z' }],
            now: at,
          })
          served.push({ a: s.a, at, x: answer.values[0]?.[0] })
        }
      }
      if (served.length === 0) return
      const joined = await features.store.historical({
        project: 'default',
        wanted,
        entities: {
          kind: 'rows',
          rows: served.map((r) => ({ a: r.a, b: 'z', event_timestamp: r.at })),
        },
        mode: 'as-known',
      })
      const x = joined.columns.indexOf('x')
      expect(joined.rows.map((r) => r[x])).toEqual(served.map((r) => r.x))
    }),
    { numRuns: 20, seed: 20260102 }
  )
}, 60_000)

test('rows that were only pushed offline reach the online store by the next incremental run, late ones too', async () => {
  const view = await declare(null)
  const push = (x: number, event: number) =>
    features.store.push({
      project: 'default',
      view,
      to: 'offline',
      rows: [{ a: 1, b: 'z', x, y: null, event_timestamp: event }],
    })
  const materialize = () =>
    features.store.materialize({
      project: 'default',
      view,
      mode: 'incremental',
      fromMs: null,
      toMs: null,
    })
  const read = async () =>
    (
      await features.store.online({
        project: 'default',
        wanted: { features: [`${view}:x`] },
        rows: [
          { a: 1, b: 'z' },
          { a: 2, b: 'z' },
        ],
        now: features.clock.now(),
      })
    ).values.map((r) => r[0])
  await push(1, T0 - 1000)
  await materialize()
  await features.store.push({
    project: 'default',
    view,
    to: 'offline',
    rows: [{ a: 2, b: 'z', x: 5, y: null, event_timestamp: T0 - 500_000 }],
  })
  await push(7, T0 - 2000)
  await features.store.compact(1)
  expect((await materialize())[0]?.materializedRows).toBe(2)
  expect(await read()).toEqual([1, 5])
  expect((await materialize())[0]?.materializedRows).toBe(0)
})
