import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { createClient } from '@trestle/sdk'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { spawnServer } from '../support/process.ts'

const ROUNDS = 20
const WRITERS = 8
let dataDir = ''

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'trestle-kill-'))
})
afterAll(() => rm(dataDir, { recursive: true, force: true }))

test(
  `kill -9 in a burst of writes, ${ROUNDS} times over: every acknowledged write is there and the server starts by itself`,
  { timeout: 240_000 },
  async () => {
    const acknowledged = new Set<string>()
    let audited = 0
    for (let round = 0; round < ROUNDS; round++) {
      const server = await spawnServer(dataDir)
      const client = createClient({ url: server.url })
      let isDown = false
      const write = async (writer: number): Promise<void> => {
        for (let i = 0; !isDown; i++) {
          const name = `r${round}-w${writer}-${i}`
          await client.identity.createProject({ name }).then(
            () => acknowledged.add(name),
            () => undefined
          )
        }
      }
      const writers = Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)))
      const target = acknowledged.size + 20 + ((round * 37) % 150)
      while (acknowledged.size < target) await new Promise((resolve) => setImmediate(resolve))
      const ended = server.kill('SIGKILL')
      isDown = true
      await ended
      await writers
    }
    const server = await spawnServer(dataDir)
    const client = createClient({ url: server.url })
    const stored = new Set(
      (await client.identity.listProjects()).items.map((project) => project.name)
    )
    for (let pageToken: string | undefined; ;) {
      const page = await client.identity.listAudit({
        limit: 1000,
        ...(pageToken === undefined ? {} : { pageToken }),
      })
      audited += page.items.length
      if (page.nextPageToken === null) break
      pageToken = page.nextPageToken
    }
    expect(await server.kill('SIGTERM')).toBe(0)
    expect([...acknowledged].filter((name) => !stored.has(name))).toEqual([])
    expect(audited).toBeGreaterThanOrEqual(acknowledged.size)
  }
)

test('a second server on the same data folder refuses to start and says why', async () => {
  const server = await spawnServer(dataDir)
  await expect(spawnServer(dataDir)).rejects.toThrow('in use by another Trestle')
  await server.kill('SIGTERM')
})

test('SIGTERM lets an answer under way finish', async () => {
  const server = await spawnServer(dataDir)
  const { hostname, port } = new URL(server.url)
  const socket = connect(Number(port), hostname)
  const body = JSON.stringify({ name: 'drained' })
  socket.write(
    `POST /api/projects HTTP/1.1\r\nhost: ${hostname}:${port}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body.slice(0, 5)}`
  )
  await fetch(`${server.url}/livez`) // the request above is under way by now: same event loop, earlier bytes
  const code = server.kill('SIGTERM')
  socket.write(body.slice(5))
  expect(await text(socket)).toContain('201 Created')
  expect(await code).toBe(0)
})

test('an address that others can reach needs an admin key', async () => {
  const fresh = await mkdtemp(join(tmpdir(), 'trestle-keys-'))
  await expect(spawnServer(fresh, { TRESTLE_HOST: '0.0.0.0' })).rejects.toThrow('no admin key')
  const server = await spawnServer(fresh, {
    TRESTLE_HOST: '0.0.0.0',
    TRESTLE_ADMIN_KEY: 'a-long-enough-admin-key',
  })
  const url = server.url.replace('0.0.0.0', '127.0.0.1')
  await expect(createClient({ url }).identity.whoAmI()).rejects.toMatchObject({
    code: 'auth.unauthenticated',
  })
  expect(
    await createClient({ url, apiKey: 'a-long-enough-admin-key' }).identity.whoAmI()
  ).toMatchObject({ role: 'admin' })
  await server.kill('SIGTERM')
  await rm(fresh, { recursive: true, force: true })
})
