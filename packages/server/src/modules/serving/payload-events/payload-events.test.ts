import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { LiveEndpoint } from '../fleet.ts'
import type { InferenceCompleted } from '../inference-event.ts'
import { startServing, type TestServer } from '../test/fixtures.ts'
import type { PayloadEvent } from './cloud-event.ts'
import { COLLECTOR_LIMITS, createCollector, type CollectorLimits } from './collector.ts'
import { createEmitter, EMITTER_LIMITS } from './emitter.ts'

const events: InferenceCompleted[] = []
let server: TestServer
beforeAll(async () => {
  server = await startServing({ onCompleted: (event) => events.push(event) })
  await server.send('POST', '/api/endpoints', { name: 'watched', model: 'fraud/1' })
  const logger = { url: `${server.url}/endpoints/watched/events` }
  const made = await server.send('POST', '/api/endpoints', {
    name: 'told',
    model: 'fraud/1',
    logger,
  })
  expect(made.json).toMatchObject({ logger: { ...logger, mode: 'all' } })
})
afterAll(() => server.stop())

const plain = (columns: InferenceCompleted['inputs'] | undefined): unknown =>
  columns?.map(({ name, values }) => [name, Array.from(values)])

test('what an endpoint with a logger answers is told, and taken as a prediction of the endpoint that watches it', async () => {
  const { json } = await server.send('POST', '/endpoints/told/predict', {
    instances: [
      { amount: 120.5, age: 0.5, score: 2 },
      { amount: 1, age: 0.5, score: 2 },
    ],
  })
  const id = String(json['predictionId'])
  await expect.poll(() => events.some((e) => e.endpoint === 'watched')).toBe(true)
  const told = events.find((e) => e.endpoint === 'told')
  const watched = events.find((e) => e.endpoint === 'watched')
  expect(watched).toMatchObject({ predictionId: id, variant: 'v1', rows: 2, status: 'ok' })
  expect(plain(watched?.inputs)).toEqual(plain(told?.inputs))
  expect(plain(watched?.outputs)).toEqual(plain(told?.outputs))
  const metrics = await fetch(`${server.url}/metrics`).then((response) => response.text())
  expect(metrics).toContain('trestle_payload_events_total{endpoint="watched",outcome="paired"} 1')
})

const post = (body: unknown, headers: Record<string, string>) =>
  server.send('POST', '/endpoints/watched/events', body, headers)

test('KServe V1 bodies are taken in the structured and the binary form, in either order', async () => {
  const response = await post(
    {
      specversion: '1.0',
      id: 'r-1',
      type: 'org.kubeflow.serving.inference.response',
      time: '2026-01-01T00:00:00.250Z',
      data: { predictions: [{ label: 1, probabilities: [0.1, 0.9] }] },
    },
    { 'content-type': 'application/cloudevents+json' }
  )
  expect([response.status, response.json]).toEqual([202, { paired: 0, waiting: 1, duplicate: 0 }])
  const request = { instances: [[120.5, 0.5, 2]] }
  const headers = {
    'ce-specversion': '1.0',
    'ce-id': 'r-1',
    'ce-type': 'org.kubeflow.serving.inference.request',
    'ce-time': '2026-01-01T00:00:00Z',
  }
  expect((await post(request, headers)).json).toMatchObject({ paired: 1 })
  expect((await post(request, headers)).json).toMatchObject({ duplicate: 1 })
  const seen = events.filter(({ requestId }) => requestId === 'r-1')
  expect(seen).toHaveLength(1)
  expect(seen[0]).toMatchObject({ latencyMs: 250, at: Date.parse('2026-01-01T00:00:00Z') })
  expect(plain(seen[0]?.inputs)).toEqual([
    ['amount', [120.5]],
    ['age', [0.5]],
    ['score', [2]],
  ])
})

test('what is no event of a logger is refused with the reason', async () => {
  const bad = await post({ instances: [] }, { 'ce-id': 'x', 'ce-type': 'other' })
  expect([bad.status, bad.json['code']]).toEqual([400, 'request.invalid'])
  const shapeless = await post(
    { rows: 1 },
    { 'ce-specversion': '1.0', 'ce-id': 'x', 'ce-type': 'org.kubeflow.serving.inference.request' }
  )
  expect(shapeless.status).toBe(400)
})

function collecting(limits: Partial<CollectorLimits>) {
  let now = 0
  const told: string[] = []
  let lost = 0
  const endpoint = {
    stored: {
      id: 'ep',
      name: 'e',
      project: 'p',
      traffic: { salt: '', weights: [{ variant: 'v1', basisPoints: 10_000 }], shadows: [] },
    },
    variants: new Map([['v1', { name: 'v1', model: { name: 'm', version: 1 }, served: null }]]),
  } as unknown as LiveEndpoint // what the collector looks at
  const collector = createCollector({
    clock: { now: () => now },
    limits: { ...COLLECTOR_LIMITS, ...limits },
    tell: ({ requestId }) => told.push(requestId),
    lost: () => lost++,
  })
  const half = (id: string, kind: PayloadEvent['kind']) =>
    collector.collect(
      endpoint,
      {
        id,
        kind,
        time: null,
        variant: null,
        data: kind === 'request' ? { instances: [[1]] } : { predictions: [2] },
      },
      10
    )
  return { collector, half, told, lost: () => lost, pass: (ms: number) => (now += ms) }
}

test('every prediction with both halves is told once, whatever their order and however often they come', () => {
  const halves = fc.array(
    fc.record({
      id: fc.constantFrom('a', 'b', 'c', 'd'),
      kind: fc.constantFrom('request' as const, 'response' as const),
    }),
    { maxLength: 40 }
  )
  fc.assert(
    fc.property(halves, (list) => {
      const { collector, half, told, lost, pass } = collecting({})
      for (const { id, kind } of list) half(id, kind)
      const kinds = Map.groupBy(list, ({ id }) => id)
      const whole = [...kinds].filter(([, own]) => new Set(own.map((h) => h.kind)).size === 2)
      expect(told.toSorted()).toEqual(whole.map(([id]) => id).toSorted())
      expect(collector.waiting).toBe(kinds.size - whole.length)
      pass(COLLECTOR_LIMITS.waitMs + 1)
      collector.sweep()
      expect([collector.waiting, lost()]).toEqual([0, kinds.size - whole.length])
    })
  )
})

test('halves that wait are bounded: the oldest goes, and is counted', () => {
  const { collector, half, lost } = collecting({ maxWaiting: 3 })
  for (let i = 0; i < 10; i++) half(`r-${i}`, 'request')
  expect([collector.waiting, lost()]).toEqual([3, 7])
  expect(half('r-9', 'response')).toBe('paired')
})

test('a collector that hangs costs the line behind it and nothing else', async () => {
  const hanging = createServer(() => undefined).listen(0, '127.0.0.1')
  await once(hanging, 'listening')
  const counts: Record<string, number> = {}
  const emitter = createEmitter({
    limits: { ...EMITTER_LIMITS, maxQueued: 5, maxRunning: 1, timeoutMs: 200 },
    count: (_endpoint, outcome) => (counts[outcome] = (counts[outcome] ?? 0) + 1),
  })
  const { port } = hanging.address() as AddressInfo
  for (let i = 0; i < 20; i++)
    emitter.offer({
      logger: { url: `http://127.0.0.1:${port}/`, mode: 'request' },
      predictionId: String(i),
      project: 'p',
      endpoint: 'e',
      variant: 'v1',
      version: 1,
      at: 0,
      latencyMs: 1,
      inputs: [],
      outputs: null,
    })
  expect(counts).toEqual({ dropped: 14 }) // one under way, five wait
  await emitter.stop(AbortSignal.timeout(10_000))
  expect(counts).toEqual({ dropped: 14, failed: 6 })
  hanging.closeAllConnections()
  hanging.close()
})
