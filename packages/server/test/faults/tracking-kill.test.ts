import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { spawnServer } from '../support/process.ts'

const ROUNDS = 2
const WRITERS = 4
let dataDir = ''

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'trestle-tracking-kill-'))
})
afterAll(() => rm(dataDir, { recursive: true, force: true }))

test(
  `kill -9 in a burst of traces and of changes that webhooks hear of, ${ROUNDS} times over: every acknowledged trace has its spans, every acknowledged change its delivery`,
  { timeout: 120_000 },
  async () => {
    const receiver = await openReceiver()
    const traces = new Set<string>()
    const models = new Set<string>()
    let hook = ''
    for (let round = 0; round < ROUNDS; round++) {
      const server = await spawnServer(dataDir)
      if (hook === '') hook = await createHook(server.url, receiver.url)
      let isDown = false
      const write = async (writer: number): Promise<void> => {
        for (let i = 0; !isDown; i++) {
          const id = traceId(round, writer, i)
          const name = `m-${round}-${writer}-${i}`
          const trace = { resourceSpans: [{ scopeSpans: [{ spans: spansOf(id) }] }] }
          if (await isTaken(`${server.url}/v1/traces`, trace)) traces.add(`tr-${id}`)
          const create = `${server.url}/api/2.0/mlflow/registered-models/create`
          if (await isTaken(create, { name })) models.add(name)
        }
      }
      const writers = Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)))
      const target = models.size + 20 + round * 13
      while (models.size < target) await new Promise((resolve) => setImmediate(resolve))
      const ended = server.kill('SIGKILL')
      isDown = true
      await ended
      await writers
    }

    receiver.isWell = true
    const server = await spawnServer(dataDir)
    try {
      expect(await spansKept(server.url, [...traces])).toEqual(
        Object.fromEntries([...traces].map((id) => [id, ['a', 'b', 'root']]))
      )
      const log = await deliveriesOf(server.url, hook)
      const told = log.map((delivery) => delivery.name)
      expect([...models].filter((name) => !told.includes(name))).toEqual([])
      expect(new Set(told).size).toBe(told.length)
      // What was under way at a kill is due again when its claim has run out, a minute later; the rest is sent now.
      const due = log.filter(
        ({ state, nextAt }) => state === 'pending' && nextAt - Date.now() < 2e4
      )
      expect(due.length).toBeGreaterThan(0)
      await expect
        .poll(() => due.filter(({ id }) => !receiver.taken.has(id)), { timeout: 60_000 })
        .toEqual([])
    } finally {
      await server.kill('SIGTERM')
      await receiver.stop()
    }
  }
)

/** A receiver of webhooks that fails until it is well. */
async function openReceiver() {
  const taken = new Set<string>()
  const receiver = { taken, isWell: false, url: '', stop: async () => void server.close() }
  const server = createServer((request, response) => {
    void text(request).then(() => {
      if (receiver.isWell) taken.add(String(request.headers['x-mlflow-delivery-id']))
      response.writeHead(receiver.isWell ? 200 : 503).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  receiver.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  return receiver
}

const traceId = (...parts: number[]): string =>
  parts.map((part) => (part + 1).toString(16).padStart(8, '0')).join('') + 'f'.repeat(8)

const spansOf = (id: string) =>
  ['root', 'a', 'b'].map((name, i) => ({
    traceId: id,
    spanId: String(i + 1).padStart(16, '0'),
    ...(i === 0 ? {} : { parentSpanId: '1'.padStart(16, '0') }),
    name,
    startTimeUnixNano: `${1_700_000_000 + i}000000000`,
    endTimeUnixNano: `${1_700_000_010 + i}000000000`,
  }))

const post = (url: string, body: object) =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })

/** Whether the whole answer came, and said yes; a server that is killed under way says nothing. */
async function isTaken(url: string, body: object): Promise<boolean> {
  try {
    const response = await post(url, body)
    await response.text()
    return response.ok
  } catch {
    return false
  }
}

async function createHook(url: string, receiver: string): Promise<string> {
  const made = await post(`${url}/api/2.0/mlflow/webhooks`, {
    name: 'kill',
    url: receiver,
    events: [{ entity: 'REGISTERED_MODEL', action: 'CREATED' }],
  })
  const { webhook } = (await made.json()) as { webhook: { webhook_id: string } }
  return webhook.webhook_id
}

async function spansKept(url: string, ids: string[]): Promise<Record<string, string[]>> {
  const kept: Record<string, string[]> = {}
  for (const id of ids) {
    const answer = await fetch(`${url}/api/3.0/mlflow/traces/get?trace_id=${id}`)
    const { trace } = (await answer.json()) as { trace?: { spans?: { name: string }[] } }
    kept[id] = (trace?.spans ?? []).map((span) => span.name).toSorted()
  }
  return kept
}

async function deliveriesOf(url: string, hook: string) {
  const log: { id: string; state: string; name: string; nextAt: number }[] = []
  for (let before = ''; ;) {
    const answer = await fetch(
      `${url}/api/webhooks/${hook}/deliveries?limit=200${before === '' ? '' : `&before=${before}`}`
    )
    const { items } = (await answer.json()) as {
      items: { id: string; state: string; body: string; nextAt: number | null }[]
    }
    for (const { id, state, body, nextAt } of items) {
      const { data } = JSON.parse(body) as { data: { name: string } }
      log.push({ id, state, name: data.name, nextAt: nextAt ?? 0 })
    }
    const last = items.at(-1)
    if (last === undefined) return log
    before = last.id
  }
}
