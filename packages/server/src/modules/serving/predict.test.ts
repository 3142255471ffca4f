import { afterAll, beforeAll, expect, test } from 'vitest'
import { createOnnxRuntime } from './runtimes/onnx/index.ts'
import { startServing, type TestServer } from './test/fixtures.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServing()
  for (const body of [
    { name: 'fraud', model: 'fraud/1' },
    { name: 'mixed', model: 'mixed' },
    { name: 'plain', model: 'identities' },
  ]) {
    const made = await server.send('POST', '/api/endpoints', body)
    expect(made.status, JSON.stringify(made.json)).toBe(201)
  }
})
afterAll(() => server.stop())

const ROW = { amount: 120.5, age: 0.5, score: 2.0 }

test('named columns are stacked in the order of the signature, whatever order they come in', async () => {
  const straight = await server.send('POST', '/endpoints/fraud/predict', ROW)
  expect(straight.json).toMatchObject({
    variant: 'v1',
    model: { name: 'fraud', version: 1 },
    outputs: { label: 1, probabilities: [expect.closeTo(0.0021, 4), expect.closeTo(0.9979, 4)] },
  })
  expect(straight.headers.get('x-trestle-prediction-id')).toBe(straight.json['predictionId'])
  const shuffled = await server.send('POST', '/endpoints/fraud/predict', {
    score: 2.0,
    unused: 'x',
    amount: 120.5,
    age: 0.5,
  })
  expect(shuffled.json['outputs']).toEqual(straight.json['outputs'])
})

test('several rows come back as several predictions with ids of their own', async () => {
  const { json } = await server.send('POST', '/endpoints/fraud/predict', {
    instances: [ROW, { ...ROW, amount: 1 }],
  })
  const id = String(json['predictionId'])
  expect(json['predictions']).toMatchObject([
    { predictionId: `${id}.0`, outputs: { label: 1 } },
    { predictionId: `${id}.1`, outputs: { label: 0 } },
  ])
})

test('a missing column is named, and so is one of the wrong type', async () => {
  const missing = await server.send('POST', '/endpoints/fraud/predict', { amount: 1, score: 2 })
  expect(missing.status).toBe(400)
  expect(missing.json).toMatchObject({
    code: 'request.invalid',
    details: { column: 'age', row: 0 },
  })
  const wrong = await server.send('POST', '/endpoints/fraud/predict', { ...ROW, age: 'old' })
  expect(wrong.status).toBe(400)
  expect(wrong.json['detail']).toContain('"age" of row 0 must be FP32, not "old"')
})

test('a model of separate inputs takes them by name, texts too', async () => {
  const { json } = await server.send('POST', '/endpoints/mixed/predict', {
    instances: [
      { amount: 180, country: 'US' },
      { amount: 180, country: 'DE' },
    ],
  })
  expect(json['predictions']).toMatchObject([{ outputs: { label: 1 } }, { outputs: { label: 0 } }])
})

test('a heavy model runs on a thread of its own and answers the same way', async () => {
  // Every model counts as heavy here, however fast this machine is.
  const heavy = await startServing({ runtime: createOnnxRuntime({ inlineRunMs: 0 }) })
  await heavy.send('POST', '/api/endpoints', { name: 'slow', model: 'slow' })
  const schema = await heavy.send('GET', '/api/endpoints/slow/schema')
  expect(schema.json).toMatchObject({ isInline: false, isBatched: true })
  const { json } = await heavy.send('POST', '/endpoints/slow/predict', { x: 1 })
  expect(json['outputs']).toEqual({ y: expect.closeTo(0, 1) as number })
  await heavy.stop()
})

test('whole numbers beyond 2^53 pass exactly', async () => {
  const row = Object.fromEntries(
    ['FP32', 'FP64', 'FP16', 'INT8', 'INT16', 'INT32', 'UINT8', 'UINT16', 'UINT32'].map((k) => [
      k,
      [1, 2],
    ])
  )
  const rest = `"INT64":[9007199254740993,-9223372036854775808],"UINT64":[18446744073709551615,0],"BOOL":[true,false],"BYTES":["ü","b"]`
  const response = await fetch(`${server.url}/endpoints/plain/predict`, {
    method: 'POST',
    body: `${JSON.stringify(row).slice(0, -1)},${rest}}`,
  })
  const text = await response.text()
  expect(text).toContain('"INT64_out":[9007199254740993,-9223372036854775808]')
  expect(text).toContain('"UINT64_out":[18446744073709551615,0]')
  expect(text).toContain('"FP16_out":[1,2]')
  expect(text).toContain('"BYTES_out":["ü","b"]')
})

test('an unknown endpoint is 404, a body that is no JSON is 400, a forced unknown variant is 404', async () => {
  expect((await server.send('POST', '/endpoints/none/predict', ROW)).status).toBe(404)
  expect((await server.send('POST', '/endpoints/fraud/predict', '{"amount":')).status).toBe(400)
  expect((await server.send('POST', '/endpoints/fraud/predict', '[1]')).status).toBe(400)
  const forced = await server.send('POST', '/endpoints/fraud/predict', ROW, {
    'x-trestle-variant': 'v9',
  })
  expect(forced.json['code']).toBe('serving.variant_not_found')
})
