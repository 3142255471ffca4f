import { createClient } from '@trestle/sdk'
import { describe, expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { freePort } from '../support/free-port.ts'
import { hasRedis, startRedis } from '../support/redis-server.ts'

test('a server whose online store can not be reached refuses to start and says which', async () => {
  const url = `redis://127.0.0.1:${await freePort()}`
  await expect(startTestApp({ ONLINE_STORE_URL: url })).rejects.toThrow(
    `features did not start: ONLINE_STORE_URL: ${url} can't be reached`
  )
})

test('a wrong address is named with the setting', async () => {
  await expect(startTestApp({ ONLINE_STORE_URL: 'http://cache' })).rejects.toThrow(
    'ONLINE_STORE_URL: must be like redis://host:6379/0'
  )
})

describe.skipIf(!hasRedis())('with a real Redis', () => {
  test('pushed and materialized rows are served from it, statuses and all; when it goes away readiness and reads say so', async () => {
    const redis = await startRedis()
    const app = await startTestApp({ ONLINE_STORE_URL: redis.url })
    const client = createClient({ url: app.url })
    await client.features.apply({
      manifest: {
        entities: [{ name: 'thing', keys: [{ name: 'id', type: 'int64' }] }],
        views: [
          {
            name: 'v',
            entities: ['thing'],
            ttlMs: 60_000,
            features: [{ name: 'x', type: 'int64' }],
          },
        ],
      },
    })
    const now = Date.now()
    const push = (to: 'both' | 'offline', id: number, x: number | null, ageMs: number) =>
      client.features.push({ view: 'v', to, rows: [{ id, x, event_timestamp: now - ageMs }] })
    await push('both', 1, 7, 0)
    await push('both', 1, 6, 1_000)
    await push('both', 2, null, 0)
    await push('both', 3, 5, 61_000)
    await push('offline', 4, 9, 0)
    const read = () =>
      client.features.online({ features: ['v:x'], rows: [1, 2, 3, 4].map((id) => ({ id })) })
    expect((await read()).statuses).toEqual([
      ['PRESENT'],
      ['NULL_VALUE'],
      ['OUTSIDE_MAX_AGE'],
      ['NOT_FOUND'],
    ])
    await client.features.materialize({})
    expect((await read()).values).toEqual([[7], [null], [null], [9]])
    expect((await client.features.getView({ name: 'v' })).onlineRows).toBe(4)
    expect((await fetch(`${app.url}/readyz`)).status).toBe(200)
    await redis.stop()
    await expect(read()).rejects.toMatchObject({
      code: 'features.online_store_unavailable',
      status: 503,
    })
    expect((await fetch(`${app.url}/readyz`)).status).toBe(503)
    await app.stop()
  })
})
