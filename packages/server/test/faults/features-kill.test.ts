import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '@trestle/sdk'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { spawnServer } from '../support/process.ts'

const ROUNDS = 6
const WRITERS = 4
let dataDir = ''

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'trestle-features-kill-'))
})
afterAll(() => rm(dataDir, { recursive: true, force: true }))

test(
  `kill -9 in a burst of pushes, ${ROUNDS} times over: every acknowledged row is served and in the history, none twice`,
  { timeout: 120_000 },
  async () => {
    const acknowledged = new Set<number>()
    let next = 0
    for (let round = 0; round < ROUNDS; round++) {
      const server = await spawnServer(dataDir)
      const client = createClient({ url: server.url })
      await client.features.apply({
        manifest: {
          entities: [{ name: 'thing', keys: [{ name: 'id', type: 'int64' }] }],
          views: [{ name: 'v', entities: ['thing'], features: [{ name: 'x', type: 'int64' }] }],
        },
      })
      let isDown = false
      const write = async (): Promise<void> => {
        while (!isDown) {
          const id = next++
          await client.features
            .push({ view: 'v', rows: [{ id, x: id * 2, event_timestamp: Date.now() - 1000 }] })
            .then(
              () => acknowledged.add(id),
              () => undefined
            )
        }
      }
      const writers = Promise.all(Array.from({ length: WRITERS }, write))
      const target = acknowledged.size + 30 + ((round * 37) % 100)
      while (acknowledged.size < target) await new Promise((resolve) => setImmediate(resolve))
      // A materialization under way when it dies leaves nothing half-done either.
      void client.features.materialize({}).catch(() => undefined)
      const ended = server.kill('SIGKILL')
      isDown = true
      await ended
      await writers
    }
    const server = await spawnServer(dataDir)
    const client = createClient({ url: server.url })
    const ids = [...acknowledged]
    const online = await client.features.online({
      features: ['v:x'],
      rows: ids.map((id) => ({ id })),
    })
    expect(ids.filter((id, i) => online.values[i]?.[0] !== id * 2)).toEqual([])
    const past = await client.features.historical({
      features: ['v:x'],
      rows: ids.map((id) => ({ id, event_timestamp: Date.now() })),
    })
    expect(ids.filter((id, i) => past.rows[i]?.['x'] !== id * 2)).toEqual([])
    const view = await client.features.getView({ name: 'v' })
    expect(view.offlineRows).toBeGreaterThanOrEqual(ids.length)
    expect(view.offlineRows).toBeLessThanOrEqual(next)
    expect(await server.kill('SIGTERM')).toBe(0)
  }
)
