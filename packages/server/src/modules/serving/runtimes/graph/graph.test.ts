import { afterAll, beforeAll, expect, test } from 'vitest'
import type { InferenceCompleted } from '../../inference-event.ts'
import { startServing, type TestServer } from '../../test/fixtures.ts'

const told: InferenceCompleted[] = []
let server: TestServer
beforeAll(async () => {
  server = await startServing({ onCompleted: (event) => told.push(event) })
  for (const version of [1, 2])
    await server.send('POST', '/api/endpoints', {
      name: `fraud-${version}`,
      model: `fraud/${version}`,
    })
  const script = (source: string) => ({ script: { source } })
  await server.send('POST', '/api/endpoints', {
    name: 'euros',
    ...script(`export default { inputs: { cents: 'FP64', age: 'FP32', score: 'FP32' },
      outputs: { float_input: { datatype: 'FP32', shape: [3] } },
      predict: (rows) => rows.map((r) => ({ float_input: [r.cents / 100, r.age, r.score] })) }`),
  })
  await server.send('POST', '/api/endpoints', {
    name: 'verdict',
    ...script(`export default { inputs: { label: 'INT64' }, outputs: { verdict: 'BYTES' },
      predict: (rows) => rows.map((r) => ({ verdict: Number(r.label) === 1 ? 'block' : 'pass' })) }`),
  })
})
afterAll(() => server.stop())

const create = (name: string, graph: object) =>
  server.send('POST', '/api/endpoints', { name, graph })
const ask = (name: string, row: object, headers: Record<string, string> = {}) =>
  server.send('POST', `/endpoints/${name}/predict`, row, headers)
const ROW = { amount: 120.5, age: 0.5, score: 2 }

test('a sequence runs transformer, model and post-processor, each logged under the request id', async () => {
  const made = await create('pipeline', {
    kind: 'sequence',
    steps: [{ endpoint: 'euros' }, { endpoint: 'fraud-1' }, { endpoint: 'verdict' }],
  })
  expect(made.status, JSON.stringify(made.json)).toBe(201)
  told.length = 0
  const { json } = await ask(
    'pipeline',
    { cents: 12_050, age: 0.5, score: 2 },
    { 'x-request-id': 'story-1' }
  )
  expect(json['outputs']).toEqual({ verdict: 'block' })
  await expect.poll(() => told.length).toBe(4)
  expect(told.map(({ endpoint }) => endpoint).toSorted()).toEqual([
    'euros',
    'fraud-1',
    'pipeline',
    'verdict',
  ])
  expect(new Set(told.map(({ requestId }) => requestId))).toEqual(new Set(['story-1']))
})

test('an ensemble is the weighted mean of its members, or all of them', async () => {
  const one = (await ask('fraud-1', ROW)).json['outputs'] as { probabilities: number[] }
  const two = (await ask('fraud-2', ROW)).json['outputs'] as { probabilities: number[] }
  await create('mean', {
    kind: 'ensemble',
    members: [{ endpoint: 'fraud-1', weight: 3 }, { endpoint: 'fraud-2' }],
  })
  const mean = (await ask('mean', ROW)).json['outputs'] as { probabilities: number[] }
  for (const i of [0, 1])
    expect(mean.probabilities[i]).toBeCloseTo(
      (3 * one.probabilities[i]! + two.probabilities[i]!) / 4,
      6
    )
  await create('both', {
    kind: 'ensemble',
    members: [{ endpoint: 'fraud-1' }, { endpoint: 'fraud-2' }],
    combine: 'all',
  })
  expect(Object.keys((await ask('both', ROW)).json['outputs'] as object)).toEqual([
    'fraud-1.label',
    'fraud-1.probabilities',
    'fraud-2.label',
    'fraud-2.probabilities',
  ])
})

test('a switch asks the first case that holds, by a column of the stacked input too', async () => {
  await create('by-amount', {
    kind: 'switch',
    cases: [
      { when: { column: 'amount', below: 100 }, endpoint: 'fraud-1' },
      { when: { column: 'amount', atLeast: 100 }, endpoint: 'fraud-2' },
    ],
  })
  told.length = 0
  await ask('by-amount', { ...ROW, amount: 5 })
  await ask('by-amount', { ...ROW, amount: 500 })
  await expect.poll(() => told.length).toBe(4)
  expect(told.map(({ endpoint }) => endpoint).filter((e) => e !== 'by-amount')).toEqual([
    'fraud-1',
    'fraud-2',
  ])
  await create('narrow', {
    kind: 'switch',
    cases: [{ when: { column: 'amount', equals: 1 }, endpoint: 'fraud-1' }],
  })
  const none = await ask('narrow', ROW)
  expect(none.status).toBe(400)
  expect(none.json['detail']).toContain('No case')
})

test('a splitter deals requests by weight, the same request always alike', async () => {
  await create('split', {
    kind: 'splitter',
    parts: [
      { endpoint: 'fraud-1', weight: 3 },
      { endpoint: 'fraud-2', weight: 1 },
    ],
  })
  told.length = 0
  for (let i = 0; i < 200; i++) await ask('split', ROW, { 'x-request-id': `r-${i}` })
  await expect.poll(() => told.length).toBe(400)
  const first = told.filter(({ endpoint }) => endpoint === 'fraud-1').length
  expect(first).toBeGreaterThan(125)
  expect(first).toBeLessThan(175)
})

test('a graph over what is not there does not load; a circle ends with an error', async () => {
  const none = await create('none', { kind: 'sequence', steps: [{ endpoint: 'nothing' }] })
  expect(none.status).toBe(404)
  expect(none.json['detail']).toContain('needs an endpoint "nothing"')
  await create('a', { kind: 'sequence', steps: [{ endpoint: 'fraud-1' }] })
  await create('b', { kind: 'sequence', steps: [{ endpoint: 'a' }] })
  await server.send('POST', '/api/endpoints/a/variants', {
    variant: 'round',
    graph: { kind: 'sequence', steps: [{ endpoint: 'b' }] },
  })
  const traffic = { weights: [{ variant: 'round', basisPoints: 10_000 }] }
  expect((await server.send('PUT', '/api/endpoints/a/traffic', traffic)).status).toBe(200)
  const circle = await ask('b', ROW)
  expect(circle.status).toBe(400)
  expect(circle.json['detail']).toContain('nested more than')
})

test('a step’s mistake is the caller’s 400, its failure the graph’s', async () => {
  const bad = await ask('pipeline', { cents: 'x', age: 0.5, score: 2 })
  expect(bad.status).toBe(400)
})
