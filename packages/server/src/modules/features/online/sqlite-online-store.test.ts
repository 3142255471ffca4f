import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import type { OnlineRow } from './online-store.ts'
import { createSqliteOnlineStore } from './sqlite-online-store.ts'

const dir = mkdtempSync(join(tmpdir(), 'trestle-online-'))
const store = createSqliteOnlineStore(join(dir, 'online.db'))
afterAll(() => {
  store.close()
  rmSync(dir, { recursive: true })
})

const NOW = 1_000_000
let nextStorage = 1
const row = (changes: Partial<OnlineRow>): OnlineRow => ({
  key: 'k',
  packed: '[1]',
  eventUs: 10,
  createdUs: null,
  seq: 1,
  ...changes,
})

test('whatever the order in which rows come, the newest of (event, created, ingest number) is served', async () => {
  const rows = fc.array(
    fc.record({
      key: fc.constantFrom('a', 'b'),
      eventUs: fc.integer({ min: 0, max: 3 }),
      createdUs: fc.option(fc.integer({ min: 0, max: 3 }), { nil: null }),
    }),
    { minLength: 1, maxLength: 12 }
  )
  await fc.assert(
    fc.asyncProperty(rows, fc.infiniteStream(fc.nat()), async (given, random) => {
      const numbered = given.map((r, seq) => row({ ...r, seq, packed: `[${seq}]` }))
      const shuffled = [...numbered, ...numbered]
        .map((r) => ({ r, at: random.next().value }))
        .sort((x, y) => x.at - y.at)
        .map(({ r }) => r)
      const storage = nextStorage++
      for (const one of shuffled) await store.write({ storage, rows: [one], now: NOW })
      for (const key of ['a', 'b']) {
        const newest = numbered
          .filter((r) => r.key === key)
          .sort(
            (x, y) =>
              x.eventUs - y.eventUs || (x.createdUs ?? -1) - (y.createdUs ?? -1) || x.seq - y.seq
          )
          .at(-1)
        expect((await store.read(storage, [key], NOW))[0]?.packed ?? null).toBe(
          newest?.packed ?? null
        )
      }
      expect(await store.count(storage)).toBe(new Set(given.map((r) => r.key)).size)
    }),
    { numRuns: 60 }
  )
})

test('a row that lies ahead is served from its instant on, and hides nothing before', async () => {
  const storage = nextStorage++
  await store.write({
    storage,
    now: 100,
    rows: [
      row({ eventUs: 90_000, packed: '["old"]' }),
      row({ eventUs: 150_000, packed: '["next"]', seq: 2 }),
    ],
  })
  const at = async (now: number) => (await store.read(storage, ['k'], now))[0]?.packed
  expect([await at(100), await at(149), await at(150)]).toEqual(['["old"]', '["old"]', '["next"]'])
})

test('a batch that fails leaves nothing of itself', async () => {
  const storage = nextStorage++
  const broken = row({ key: 'x', eventUs: 0.5 })
  const call = async () =>
    store.write({
      storage,
      now: NOW,
      rows: [row({}), { ...broken, packed: null as unknown as string }],
      watermark: { seq: 9, at: 1 },
    })
  await expect(call()).rejects.toThrow()
  expect(await store.read(storage, ['k'], NOW)).toEqual([null])
  expect(await store.watermark(storage)).toBeNull()
})

test('a watermark never goes back', async () => {
  const storage = nextStorage++
  await store.write({ storage, rows: [], now: 1, watermark: { seq: 9, at: 1 } })
  await store.write({ storage, rows: [], now: 2, watermark: { seq: 4, at: 2 } })
  expect(await store.watermark(storage)).toMatchObject({ seq: 9 })
})
