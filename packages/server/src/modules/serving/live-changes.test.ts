import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { fail } from '../../platform/errors.ts'
import type { Runtime } from './runtime.ts'
import { createOnnxRuntime } from './runtimes/onnx/index.ts'
import { fixtureModels, startServing, type TestServer } from './test/fixtures.ts'

const servers: TestServer[] = []
const folders: string[] = []
const start = async (...args: Parameters<typeof startServing>): Promise<TestServer> => {
  const server = await startServing(...args)
  servers.push(server)
  return server
}
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop()
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true })
})

const ROW = { amount: 120.5, age: 0.5, score: 2.0 }
const weights = (v1: number) => [
  { variant: 'v1', basisPoints: v1 },
  { variant: 'v2', basisPoints: 10_000 - v1 },
]

test('traffic moves, variants come and go, and no request fails', async () => {
  const { send } = await start()
  await send('POST', '/api/endpoints', { name: 'fraud', model: 'fraud/1' })
  let isOver = false
  const seen = new Map<string, number>()
  const caller = async () => {
    while (!isOver) {
      const { status, json } = await send('POST', '/endpoints/fraud/predict', ROW)
      const key =
        status === 200 ? String(json['variant']) : `failed ${status} ${JSON.stringify(json)}`
      seen.set(key, (seen.get(key) ?? 0) + 1)
    }
  }
  const callers = [1, 2, 3, 4, 5, 6].map(caller)
  for (let round = 0; round < 2; round++) {
    expect((await send('POST', '/api/endpoints/fraud/variants', { model: 'fraud/2' })).status).toBe(
      201
    )
    for (const share of [9_000, 5_000, 0, 10_000]) {
      const set = await send('PUT', '/api/endpoints/fraud/traffic', { weights: weights(share) })
      expect(set.status, JSON.stringify(set.json)).toBe(200)
    }
    expect((await send('DELETE', '/api/endpoints/fraud/variants/v2')).status).toBe(200)
  }
  isOver = true
  await Promise.all(callers)
  expect([...seen.keys()].toSorted()).toEqual(['v1', 'v2'])
})

test('after a restart endpoints come back with their traffic, and one broken model stops no other', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'trestle-again-'))
  folders.push(dataDir)
  const first = await startServing({}, { TRESTLE_DATA: dataDir })
  await first.send('POST', '/api/endpoints', { name: 'fraud', model: 'fraud/1' })
  await first.send('POST', '/api/endpoints/fraud/variants', { model: 'fraud/2' })
  await first.send('PUT', '/api/endpoints/fraud/traffic', { weights: weights(5_000) })
  await first.send('POST', '/api/endpoints', { name: 'lookup', model: 'lookup' })
  await first.stop()
  const again = await startWithoutVersion2(dataDir)
  await again.untilReady()
  const endpoint = await again.send('GET', '/api/endpoints/fraud')
  expect(endpoint.json).toMatchObject({
    variants: [
      { name: 'v1', state: 'ready', error: null },
      { name: 'v2', state: 'failed', error: 'the disk is gone' },
    ],
    traffic: { weights: weights(5_000) },
  })
  const lookup = await again.send('POST', '/endpoints/lookup/predict', { index: 2 })
  expect(lookup.json['outputs']).toEqual({ value: 30 })
  // v2's share of callers is answered by v1 meanwhile.
  for (let i = 0; i < 20; i++) {
    const { json } = await again.send('POST', '/endpoints/fraud/predict', ROW)
    expect(json['variant']).toBe('v1')
  }
})

async function startWithoutVersion2(dataDir: string) {
  const server = await start(
    {
      models: {
        resolve: async (project: string, reference: string) => {
          if (reference === 'fraud/2') throw fail('serving.model_load_failed', 'the disk is gone')
          return fixtureModels.resolve(project, reference)
        },
      },
    },
    { TRESTLE_DATA: dataDir }
  )
  return {
    ...server,
    untilReady: async () => {
      while ((await fetch(`${server.url}/readyz`)).status !== 200) await new Promise(setImmediate)
      // v2 does not hold readiness up once it has failed.
      expect((await fetch(`${server.url}/v2/health/ready`)).status).toBe(200)
    },
  }
}

/** ONNX Runtime, but models at version 2 never answer once they are warm. */
function stalling(): { runtime: Runtime; stall: () => void } {
  const onnx = createOnnxRuntime()
  let isStalled = false
  return {
    stall: () => (isStalled = true),
    runtime: {
      name: 'stalling',
      async load(file) {
        const model = await onnx.load(file)
        if (!file.path.includes('fraud-2')) return model
        return {
          ...model,
          infer: (inputs, run) =>
            isStalled ? new Promise(() => undefined) : model.infer(inputs, run),
          close: async () => {},
        }
      },
    },
  }
}

test('a stalled shadow delays no answer, and its copies are dropped and counted', async () => {
  const { runtime, stall } = stalling()
  // A stuck model can't be unloaded: stopping gives up on it after the drain time.
  const { send, url } = await start({ runtime }, { TRESTLE_DRAIN_TIMEOUT_MS: '300' })
  await send('POST', '/api/endpoints', { name: 'fraud', model: 'fraud/1' })
  await send('POST', '/api/endpoints/fraud/variants', { model: 'fraud/2' })
  await send('PUT', '/api/endpoints/fraud/traffic', {
    weights: [{ variant: 'v1', basisPoints: 10_000 }],
    shadows: [{ variant: 'v2', share: 1 }],
  })
  stall()
  const n = 400
  for (let i = 0; i < n; i += 8) {
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => send('POST', '/endpoints/fraud/predict', ROW))
    )
    for (const answer of answers) expect(answer.status).toBe(200)
  }
  const stats = await send('GET', '/api/endpoints/fraud/stats')
  const [primary, shadow] = stats.json['items'] as Record<string, number>[]
  expect(primary).toMatchObject({ ok: n, errors: 0, timeouts: 0 })
  // 16 copies under way and 256 waiting; the rest was dropped.
  expect(shadow!['shadowsDropped']).toBe(n - 16 - 256)
  const metrics = await (await fetch(`${url}/metrics`)).text()
  expect(metrics).toContain(
    `trestle_shadow_dropped_total{endpoint="fraud",variant="v2"} ${n - 16 - 256}`
  )
})
