import type { Cluster, Redis } from 'ioredis'
import { messageOf } from '../../../kernel/errors.ts'
import { fail } from '../../../platform/errors.ts'
import {
  NO_CREATED,
  type OnlineRow,
  type OnlineStore,
  type StoredRow,
  type Watermark,
} from './online-store.ts'
import type { RedisAddress } from './redis-address.ts'
import { SET_STATE, SET_WATERMARK, WRITE_ROWS } from './redis-scripts.ts'

/** Rows in one script call: enough to spare round trips, few enough not to hold Redis up. */
const ROWS_A_CALL = 100
/** Calls under way at a time, so that a materialization does not fill the connection's queue. */
const CALLS_AT_ONCE = 64
const CONNECT_TIMEOUT_MS = 3_000
const MAX_ATTEMPTS = 200

type Client = (Redis | Cluster) & {
  /** Begins with the number of keys; in a cluster that is one, and not given. */
  writeRows(...args: (string | number)[]): Promise<number>
  setState(key: string, expected: number, value: string): Promise<number>
  setWatermark(key: string, storage: number, seq: number, at: number): Promise<null>
}

/**
 * The online store in Redis or Valkey, alone or as a cluster. Every comparison is a script of one key, so it holds whoever else writes. Redis
 * answers before it has written to disk or to a replica: what a failover loses comes back with the next full materialization.
 */
export function createRedisOnlineStore(
  address: RedisAddress,
  options: { timeoutMs?: number } = {}
): OnlineStore {
  const timeoutMs = options.timeoutMs ?? 2_000
  let client: Client | null = null
  let prefix = ''

  const connected = (): Client => {
    if (client === null) throw new Error('The online store is not open')
    return client
  }
  /** All keys of an entity lie in one slot; the braces tell Redis by what to choose it. */
  const rowKey = (storage: number, key: string): string => `${prefix}:${storage}:{${key}}`
  const stateKey = (storage: number, key: string): string => `${prefix}:s${storage}:{${key}}`
  const watermarks = (): string => `${prefix}:watermarks`
  const counts = (): string => `${prefix}:counts`

  const answered = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (cause) {
      throw fail(
        'features.online_store_unavailable',
        `The online store (${address.shown}) did not answer`,
        { cause }
      )
    }
  }

  const getAll = (keys: readonly string[]): Promise<(string | null)[]> =>
    keys.length === 0
      ? Promise.resolve([])
      : address.isCluster
        ? Promise.all(keys.map((key) => connected().get(key)))
        : connected().mget(...keys)

  const writeRows = async (
    storage: number,
    rows: readonly OnlineRow[],
    { nowUs, keepMs }: { nowUs: number; keepMs: number }
  ): Promise<void> => {
    const size = address.isCluster ? 1 : ROWS_A_CALL
    const batches: OnlineRow[][] = []
    for (let i = 0; i < rows.length; i += size) batches.push(rows.slice(i, i + size))
    let fresh = 0
    await eachOf(batches, async (batch) => {
      const created = await connected().writeRows(
        ...(address.isCluster ? [] : [batch.length]),
        ...batch.map((row) => rowKey(storage, row.key)),
        nowUs,
        keepMs,
        ...batch.flatMap((row) => [row.eventUs, row.createdUs ?? NO_CREATED, row.seq, row.packed])
      )
      fresh += created
    })
    if (fresh > 0) await connected().hincrby(counts(), String(storage), fresh)
  }

  const setWatermark = async (storage: number, mark: Watermark | undefined): Promise<void> => {
    if (mark !== undefined) await connected().setWatermark(watermarks(), storage, mark.seq, mark.at)
  }

  return {
    engine: address.isCluster ? 'Redis Cluster' : 'Redis',
    async open(namespace) {
      prefix = `trestle:${namespace}`
      client = await connect(address, timeoutMs)
    },
    ping: () => answered(async () => void (await connected().ping())),
    write: ({ storage, rows, watermark, now, keepMs }) =>
      answered(async () => {
        await writeRows(storage, rows, { nowUs: now * 1000, keepMs: keepMs ?? 0 })
        await setWatermark(storage, watermark)
      }),
    read: (storage, keys, now) =>
      answered(async () => {
        const found = await getAll(keys.map((key) => rowKey(storage, key)))
        return found.map((value) =>
          value === null ? null : newestDue(value, Math.round(now * 1000))
        )
      }),
    update: ({ storage, keys, change, watermark }) =>
      answered(async () => {
        let fresh = 0
        await eachOf([...new Set(keys)], async (key) => {
          for (let attempt = 0; ; attempt++) {
            const [stored = null] = await getAll([stateKey(storage, key)])
            const { version, state } = readState(stored)
            const after = change(key, state)
            if (after === state) return
            const done = await connected().setState(
              stateKey(storage, key),
              version,
              `${version + 1}|${after}`
            )
            if (done >= 0) {
              fresh += done
              return
            }
            if (attempt >= MAX_ATTEMPTS)
              throw new Error(`"${key}" is changed by others all the time`)
          }
        })
        if (fresh > 0) await connected().hincrby(counts(), String(storage), fresh)
        await setWatermark(storage, watermark)
      }),
    readStates: (storage, keys) =>
      answered(async () =>
        (await getAll(keys.map((key) => stateKey(storage, key)))).map((v) => readState(v).state)
      ),
    watermark: (storage) =>
      answered(async () => {
        const found = await connected().hget(watermarks(), String(storage))
        if (found === null) return null
        const [seq, at] = found.split(' ').map(Number)
        return { seq: seq ?? 0, at: at ?? 0 }
      }),
    count: (storage) =>
      answered(async () => Number((await connected().hget(counts(), String(storage))) ?? 0)),
    expire: () => {},
    clear: (storage) =>
      answered(async () => {
        const nodes =
          'nodes' in connected() ? (connected() as Cluster).nodes('master') : [connected() as Redis]
        for (const node of nodes)
          for (const part of [`${storage}`, `s${storage}`])
            for await (const keys of node.scanStream({
              match: `${prefix}:${part}:*`,
              count: 1_000,
            }))
              for (const key of keys as string[]) await connected().unlink(key) // one slot each
        await connected().hdel(counts(), String(storage))
        await connected().hdel(watermarks(), String(storage))
      }),
    async close() {
      client?.disconnect()
      client = null
    },
  }
}

async function connect(address: RedisAddress, timeoutMs: number): Promise<Client> {
  const { Redis: Single, Cluster: Several } = await import('ioredis')
  let isUp = false
  const retry = (times: number): number | null => (isUp ? Math.min(times * 50, 1_000) : null)
  const common = {
    ...(address.username === null ? {} : { username: address.username }),
    ...(address.password === null ? {} : { password: address.password }),
    ...(address.isTls ? { tls: {} } : {}),
    commandTimeout: timeoutMs,
    connectTimeout: CONNECT_TIMEOUT_MS,
    maxRetriesPerRequest: 1,
  }
  const scripts = {
    // With a fixed number of keys the client can tell to which node a call goes.
    writeRows: { lua: WRITE_ROWS, ...(address.isCluster ? { numberOfKeys: 1 } : {}) },
    setState: { lua: SET_STATE, numberOfKeys: 1 },
    setWatermark: { lua: SET_WATERMARK, numberOfKeys: 1 },
  }
  const client = address.isCluster
    ? new Several([...address.nodes], {
        lazyConnect: true,
        clusterRetryStrategy: retry,
        redisOptions: common,
        enableAutoPipelining: true,
        slotsRefreshTimeout: CONNECT_TIMEOUT_MS,
        scripts,
      })
    : new Single({
        ...address.nodes[0],
        ...common,
        db: address.database,
        lazyConnect: true,
        retryStrategy: retry,
        enableAutoPipelining: true,
        scripts,
      })
  let lastError: unknown = null
  client.on('error', (error: unknown) => (lastError = error)) // each call that fails says so itself
  try {
    await client.connect()
    await client.ping()
  } catch (error) {
    client.disconnect()
    const reason = messageOf(lastError ?? error)
    throw new Error(`ONLINE_STORE_URL: ${address.shown} can't be reached: ${reason}`, {
      cause: error,
    })
  }
  isUp = true
  return client as Client // with the scripts defined above
}

/** Runs `work` for each item, a limited number at a time. */
async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) await work(item)
  }
  await Promise.all(Array.from({ length: Math.min(CALLS_AT_ONCE, items.length) }, worker))
}

/** The newest row of a key's lines whose event time has come. */
function newestDue(value: string, nowUs: number): StoredRow | null {
  let best: (StoredRow & { createdUs: number; seq: number }) | null = null
  for (const line of value.split('\n')) {
    const a = line.indexOf(' ')
    const b = line.indexOf(' ', a + 1)
    const c = line.indexOf(' ', b + 1)
    const row = {
      eventUs: Number(line.slice(0, a)),
      createdUs: Number(line.slice(a + 1, b)),
      seq: Number(line.slice(b + 1, c)),
      packed: line.slice(c + 1),
    }
    if (row.eventUs > nowUs) continue
    const isNewer =
      best === null ||
      row.eventUs > best.eventUs ||
      (row.eventUs === best.eventUs &&
        (row.createdUs > best.createdUs ||
          (row.createdUs === best.createdUs && row.seq > best.seq)))
    if (isNewer) best = row
  }
  return best
}

function readState(stored: string | null): { version: number; state: string | null } {
  if (stored === null) return { version: 0, state: null }
  const bar = stored.indexOf('|')
  return { version: Number(stored.slice(0, bar)), state: stored.slice(bar + 1) }
}
