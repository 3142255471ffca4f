import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { OnlineRow, OnlineStore } from '../../src/modules/features/online/online-store.ts'
import { parseRedisUrl } from '../../src/modules/features/online/redis-address.ts'
import { createRedisOnlineStore } from '../../src/modules/features/online/redis-online-store.ts'
import { createSqliteOnlineStore } from '../../src/modules/features/online/sqlite-online-store.ts'
import { freePort } from '../support/free-port.ts'
import { hasRedis, startRedis, startRedisCluster } from '../support/redis-server.ts'

type Opened = Readonly<{
  store: OnlineStore
  /** Another process's view of the same store. */
  second: () => Promise<OnlineStore>
  remove: () => Promise<void>
}>

const NOW = 1_000_000
const row = (changes: Partial<OnlineRow>): OnlineRow => ({
  key: 'k',
  packed: '[1]',
  eventUs: 10,
  createdUs: null,
  seq: 1,
  ...changes,
})

/** What every online store promises, on a real engine. */
function onlineStoreSuite(name: string, open: () => Promise<Opened>): void {
  describe(name, () => {
    let opened: Opened
    let store: OnlineStore
    let nextStorage = 1
    beforeAll(async () => {
      opened = await open()
      store = opened.store
    })
    afterAll(async () => {
      await store.close()
      await opened.remove()
    })
    const read = async (storage: number, key: string, now = NOW) =>
      (await store.read(storage, [key], now))[0]?.packed ?? null

    test('whatever the order in which rows come, the newest of (event, created, ingest number) is served', async () => {
      const rows = fc.array(
        fc.record({
          key: fc.constantFrom('a', 'b}{', ''),
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
          const half = Math.floor(shuffled.length / 2)
          await store.write({ storage, rows: shuffled.slice(0, half), now: NOW })
          for (const one of shuffled.slice(half))
            await store.write({ storage, rows: [one], now: NOW })
          for (const key of ['a', 'b}{', '']) {
            const newest = numbered
              .filter((r) => r.key === key)
              .sort(
                (x, y) =>
                  x.eventUs - y.eventUs ||
                  (x.createdUs ?? -1) - (y.createdUs ?? -1) ||
                  x.seq - y.seq
              )
              .at(-1)
            expect(await read(storage, key)).toBe(newest?.packed ?? null)
          }
          expect(await store.count(storage)).toBe(new Set(given.map((r) => r.key)).size)
        }),
        { numRuns: 40, seed: 11 }
      )
    })

    test('a row that lies ahead is served from its instant on, and hides nothing before', async () => {
      const storage = nextStorage++
      const rows = [
        row({ eventUs: 90_000, packed: '["old"]' }),
        row({ eventUs: 150_000, packed: '["next"]', seq: 2 }),
        row({ eventUs: 150_000, packed: '["earlier"]', seq: 1 }),
        row({ eventUs: 170_000, packed: '["last"]', seq: 3 }),
      ]
      for (const one of rows) await store.write({ storage, now: 100, rows: [one] })
      const at = (now: number) => read(storage, 'k', now)
      expect([await at(100), await at(149), await at(150), await at(169), await at(170)]).toEqual([
        '["old"]',
        '["old"]',
        '["next"]',
        '["next"]',
        '["last"]',
      ])
      await store.write({ storage, now: 180, rows: [row({ eventUs: 120_000, seq: 9 })] })
      expect(await at(180)).toBe('["last"]')
    })

    test('many keys are read in the order in which they are asked, also those that are not there', async () => {
      const storage = nextStorage++
      const keys = Array.from({ length: 250 }, (_, i) => `key-${i}`)
      await store.write({
        storage,
        now: NOW,
        rows: keys.map((key, i) => row({ key, packed: `["${i} 'x' \\n é"]`, seq: i })),
      })
      const asked = [...keys.toReversed(), 'nobody']
      const found = await store.read(storage, asked, NOW)
      expect(found.map((f) => f?.packed ?? null)).toEqual([
        ...keys.map((_, i) => `["${i} 'x' \\n é"]`).toReversed(),
        null,
      ])
      expect(await store.read(storage, [], NOW)).toEqual([])
      expect(await store.read(nextStorage++, ['key-1'], NOW)).toEqual([null])
    })

    test('writers in several processes at once never let an older row win', async () => {
      const storage = nextStorage++
      const others = await Promise.all([opened.second(), opened.second()])
      const writers = [store, ...others]
      await Promise.all(
        Array.from({ length: 300 }, (_, i) =>
          Promise.resolve(
            writers[i % 3]?.write({
              storage,
              now: NOW,
              rows: [
                row({
                  key: `${i % 5}`,
                  eventUs: (i * 7919) % 1000,
                  seq: i,
                  packed: `[${(i * 7919) % 1000}]`,
                }),
              ],
            })
          )
        )
      )
      for (const key of ['0', '1', '2', '3', '4']) {
        const newest = Math.max(
          ...Array.from({ length: 300 }, (_, i) => i)
            .filter((i) => `${i % 5}` === key)
            .map((i) => (i * 7919) % 1000)
        )
        expect(await read(storage, key)).toBe(`[${newest}]`)
      }
      for (const other of others) await other.close()
    })

    test('a watermark never goes back, and a batch that fails leaves none', async () => {
      const storage = nextStorage++
      expect(await store.watermark(storage)).toBeNull()
      await store.write({ storage, rows: [], now: 1, watermark: { seq: 9, at: 1 } })
      await store.write({ storage, rows: [], now: 2, watermark: { seq: 4, at: 2 } })
      expect(await store.watermark(storage)).toEqual({ seq: 9, at: 2 })
      const broken = async () =>
        store.update({
          storage: nextStorage,
          keys: ['a'],
          change: () => {
            throw new Error('no')
          },
          watermark: { seq: 1, at: 1 },
        })
      await expect(broken()).rejects.toThrow()
      expect(await store.watermark(nextStorage++)).toBeNull()
    })

    test('changes of a state by several processes at once are all kept', async () => {
      const storage = nextStorage++
      const others = await Promise.all([opened.second(), opened.second()])
      const writers = [store, ...others]
      const add = (_key: string, state: string | null): string => String(Number(state ?? 0) + 1)
      for (let round = 0; round < 10; round++)
        await Promise.all(
          writers.map(async (writer) => writer.update({ storage, keys: ['a', 'b'], change: add }))
        )
      expect(await store.readStates(storage, ['a', 'b', 'c'])).toEqual(['30', '30', null])
      expect(await store.count(storage)).toBe(2)
      for (const other of others) await other.close()
    })

    test('rows past their keeping time are forgotten, and the rest stays', async () => {
      const storage = nextStorage++
      const now = Date.now()
      await store.write({
        storage,
        now,
        keepMs: 60_000,
        rows: [
          row({ key: 'old', eventUs: (now - 61_000) * 1000 }),
          row({ key: 'young', eventUs: now * 1000 }),
        ],
      })
      await store.expire(storage, (now - 60_000) * 1000)
      expect(await read(storage, 'old', now)).toBeNull()
      expect(await read(storage, 'young', now)).toBe('[1]')
    })

    test('what is cleared is gone, and nothing else', async () => {
      const [storage, kept] = [nextStorage++, nextStorage++]
      for (const s of [storage, kept]) {
        await store.write({ storage: s, rows: [row({})], now: NOW, watermark: { seq: 1, at: 1 } })
        await store.update({ storage: s, keys: ['k'], change: () => 'x' })
      }
      await store.clear(storage)
      expect([await read(storage, 'k'), await store.watermark(storage)]).toEqual([null, null])
      expect([await store.readStates(storage, ['k']), await store.count(storage)]).toEqual([
        [null],
        0,
      ])
      expect(await read(kept, 'k')).toBe('[1]')
      await store.write({ storage, rows: [row({})], now: NOW })
      expect(await read(storage, 'k')).toBe('[1]')
    })
  })
}

onlineStoreSuite('SQLite', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'trestle-online-'))
  const open = async () => createSqliteOnlineStore(join(dir, 'online.db'))
  return { store: await open(), second: open, remove: () => rm(dir, { recursive: true }) }
})

describe.skipIf(!hasRedis())('with a real Redis', () => {
  for (const [name, start] of [
    ['Redis', startRedis],
    ['Redis Cluster of three nodes', startRedisCluster],
  ] as const)
    onlineStoreSuite(name, async () => {
      const server = await start()
      const open = async () => {
        const store = createRedisOnlineStore(parseRedisUrl(server.url))
        await store.open('test')
        return store
      }
      return { store: await open(), second: open, remove: server.stop }
    })

  test('deployments that share a Redis do not see each other', async () => {
    const server = await startRedis()
    const [one, two] = [0, 1].map(() => createRedisOnlineStore(parseRedisUrl(server.url)))
    await one?.open('one')
    await two?.open('two')
    await one?.write({ storage: 1, rows: [row({})], now: NOW })
    expect(await two?.read(1, ['k'], NOW)).toEqual([null])
    await one?.close()
    await two?.close()
    await server.stop()
  })

  test('a Redis that goes away is an unavailable online store, not a hang; when it is back, so are reads', async () => {
    const server = await startRedis()
    const store = createRedisOnlineStore(parseRedisUrl(server.url), { timeoutMs: 300 })
    await store.open('test')
    await server.stop()
    await expect(store.read(1, ['k'], NOW)).rejects.toMatchObject({
      code: 'features.online_store_unavailable',
    })
    await store.close()
  })
})

test('a Redis that is not there is said at once', async () => {
  const store = createRedisOnlineStore(parseRedisUrl(`redis://127.0.0.1:${await freePort()}`))
  await expect(store.open('test')).rejects.toThrow(/ONLINE_STORE_URL.*can't be reached/)
})
