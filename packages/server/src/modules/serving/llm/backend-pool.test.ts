import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createManualClock } from '../../../kernel/clock.ts'
import { resolveBackends } from './backend.ts'
import { createBackendPool, type BackendLease, type BackendPool } from './backend-pool.ts'

type Declared = { weight?: number; contextTokens?: number; usd?: number | null }

function open(
  routing: Parameters<typeof createBackendPool>[0]['routing'],
  ...declared: Declared[]
) {
  const clock = createManualClock(1_000)
  const backends = resolveBackends(
    declared.map(({ weight = 1, contextTokens }, i) => ({
      provider: 'vllm',
      name: 'abcdef'.charAt(i),
      model: 'm',
      weight,
      billing: 'tokens' as const,
      ...(contextTokens === undefined ? {} : { contextTokens }),
    }))
  )
  const pool = createBackendPool({
    backends,
    routing,
    clock,
    costOf: (backend) => declared[backends.indexOf(backend)]?.usd ?? null,
  })
  return { pool, clock }
}

const NONE = new Set<never>()
const take = (pool: BackendPool, options = {}): BackendLease => {
  const lease = pool.acquire(NONE, options)
  if (lease === null) throw new Error('no backend')
  return lease
}
const nameOf = (lease: BackendLease | null): string | undefined => lease?.slot.backend.name
/** One call after another, each done before the next. */
const run = (pool: BackendPool, calls: number, how: 'ok' | 'failed' = 'ok'): string =>
  Array.from({ length: calls }, () => {
    const lease = take(pool)
    lease.done({ kind: how })
    return nameOf(lease)
  }).join('')

test('weights share the calls exactly, and spread them evenly in time', () => {
  // The sequence of nginx's smooth weighted round robin for 5, 1, 1.
  expect(run(open('weighted', { weight: 5 }, { weight: 1 }, { weight: 1 }).pool, 14)).toBe(
    'aabacaaaabacaa'
  )
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 }),
      (weights) => {
        const { pool } = open('weighted', ...weights.map((weight) => ({ weight })))
        run(pool, 3 * weights.reduce((a, b) => a + b, 0))
        expect(pool.slots.map(({ counts }) => counts.calls)).toEqual(weights.map((w) => 3 * w))
      }
    )
  )
})

test('least busy counts our calls and those of others, by weight, and passes by a full KV cache', () => {
  const { pool } = open('least-busy', { weight: 2 }, { weight: 1 })
  expect([1, 2, 3, 4, 5, 6].map(() => nameOf(take(pool))).join('')).toBe('abaaba')
  // 7 of the 20 there are not ours: 4 of ours already run at it.
  pool.report('a', { load: { running: 9, waiting: 2, kvCacheUse: 0.5 } })
  expect(nameOf(take(pool))).toBe('b')
  pool.report('a', { load: { running: 0, waiting: 0, kvCacheUse: 0.5 } })
  pool.report('b', { load: { running: 30, waiting: 0, kvCacheUse: 0.2 } })
  expect(nameOf(take(pool))).toBe('a')
  pool.report('a', { load: { running: 0, waiting: 0, kvCacheUse: 0.99 } })
  expect(nameOf(take(pool))).toBe('b')
  // What no longer tells is judged by our own calls again.
  pool.report('a', { load: null })
  pool.report('b', { load: null })
  expect(nameOf(take(pool))).toBe('a')
})

test('latency goes where the first byte comes soonest, and not where calls pile up', () => {
  const { pool } = open('latency', {}, {})
  const [a, b] = [take(pool), take(pool)]
  expect([nameOf(a), nameOf(b)]).toEqual(['a', 'b'])
  a.firstByte(100)
  b.firstByte(30)
  a.done({ kind: 'ok' })
  b.done({ kind: 'ok' })
  // 30·1, 30·2, 30·3 are below 100·1; the fourth is not.
  expect([1, 2, 3, 4].map(() => nameOf(take(pool))).join('')).toBe('bbba')
})

test('cost goes to the cheapest that is well, and to one without a price last', () => {
  const { pool } = open('cost', { usd: null }, { usd: 0.02 }, { usd: 0.01 })
  expect(run(pool, 2)).toBe('cc')
  pool.report('c', { isHealthy: false })
  expect(nameOf(take(pool))).toBe('b')
  pool.report('b', { isHealthy: false })
  expect(nameOf(take(pool))).toBe('a')
})

test('five failures in a row rest a backend for 15 s; then one call tries it', () => {
  const { pool, clock } = open('priority', {}, {})
  expect(run(pool, 4, 'failed')).toBe('aaaa')
  expect(run(pool, 1)).toBe('a')
  expect(run(pool, 6, 'failed')).toBe('aaaaab')
  expect(pool.slots[0]?.trouble).toBe('it failed several times in a row')
  clock.advance(14_999)
  expect(nameOf(take(pool))).toBe('b')
  clock.advance(1)
  const probe = take(pool)
  expect(nameOf(probe)).toBe('a')
  expect(nameOf(take(pool))).toBe('b')
  probe.done({ kind: 'failed' })
  expect(nameOf(take(pool))).toBe('b')
  clock.advance(15_000)
  const second = take(pool)
  second.done({ kind: 'ok' })
  expect(run(pool, 3)).toBe('aaa')
})

test('one that asks for fewer calls is left alone for as long as it asked', () => {
  const { pool, clock } = open('priority', {}, {})
  take(pool).done({ kind: 'throttled', retryAfterMs: 700 })
  expect(nameOf(take(pool))).toBe('b')
  clock.advance(700)
  expect(nameOf(take(pool))).toBe('a')
  const { pool: alone } = open('priority', {})
  take(alone).done({ kind: 'throttled', retryAfterMs: 700 })
  expect(alone.acquire(NONE)).toBeNull()
  expect(alone.retryAfterMs()).toBe(700)
})

test('with nobody well left, one that only fails its health check is asked rather than nobody', () => {
  const { pool } = open('priority', {}, {})
  pool.report('a', { isHealthy: false })
  expect(nameOf(take(pool))).toBe('b')
  pool.report('b', { isHealthy: false })
  expect(nameOf(take(pool))).toBe('a')
})

test('a prompt that was too long goes only where there is more room; unknown room counts as more', () => {
  const { pool } = open(
    'priority',
    { contextTokens: 8_000 },
    { contextTokens: 8_000 },
    { contextTokens: 128_000 },
    {}
  )
  expect(nameOf(pool.acquire(NONE, { moreContextThan: 8_000 }))).toBe('c')
  expect(nameOf(pool.acquire(NONE, { moreContextThan: 128_000 }))).toBe('d')
  expect(
    open('priority', { contextTokens: 10 }).pool.acquire(NONE, { moreContextThan: 10 })
  ).toBeNull()
})
