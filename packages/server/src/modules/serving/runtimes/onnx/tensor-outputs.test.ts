import { afterAll, beforeAll, expect, test } from 'vitest'
import { NOBODY } from '../../caller.ts'
import { fixture, startServing, type TestServer } from '../../test/fixtures.ts'
import { createOnnxRuntime } from './index.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServing()
  for (const name of ['zipmap', 'sequence']) {
    const made = await server.send('POST', '/api/endpoints', { name, model: name })
    expect(made.status, JSON.stringify(made.json)).toBe(201)
  }
})
afterAll(() => server.stop())

// What Python's onnxruntime 1.32 answers for the same row.
const TRUTH = { high: 0.4828583896160126, low: 0.002450584899634123, mid: 0.5146909952163696 }
const ROW = [120.5, 0.5, 2]

test("a scikit-learn classifier's list of maps is a map per row", async () => {
  const { json } = await server.send('POST', '/endpoints/zipmap/predict', {
    instances: [ROW, [10, 0, 0]],
  })
  expect(json['predictions']).toMatchObject([
    {
      outputs: {
        output_label: 'mid',
        output_probability: Object.fromEntries(
          Object.entries(TRUTH).map(([label, p]) => [label, expect.closeTo(p, 6)])
        ),
      },
    },
    { outputs: { output_label: 'low' } },
  ])
})

test('over the v2 protocol it is the matrix of its values, and its rows are batched', async () => {
  const { json } = await server.send('POST', '/v2/models/zipmap/infer', {
    inputs: [{ name: 'float_input', datatype: 'FP32', shape: [1, 3], data: ROW }],
  })
  expect(json['outputs']).toMatchObject([
    { name: 'output_label', datatype: 'BYTES', shape: [1] },
    { name: 'output_probability', datatype: 'FP32', shape: [1, 3] },
  ])
  const schema = await server.send('GET', '/api/endpoints/zipmap/schema')
  expect(schema.json).toMatchObject({ isBatched: true })
})

test('a list of tensors is stacked', async () => {
  const { json } = await server.send('POST', '/v2/models/sequence/infer', {
    inputs: [{ name: 'x', datatype: 'FP32', shape: [3, 2], data: [1, 2, 3, 4, 5, 6] }],
  })
  expect(json['outputs']).toEqual([
    { name: 'columns', datatype: 'FP32', shape: [2, 3], data: [1, 3, 5, 2, 4, 6] },
  ])
})

test('a model on a thread of its own answers the same', async () => {
  const runtime = createOnnxRuntime({ inlineFileBytes: 0 })
  const model = await runtime.load({ path: fixture('zipmap'), bytes: 1 })
  try {
    const [, probabilities] = await model.infer(
      [{ name: 'float_input', datatype: 'FP32', shape: [1, 3], data: Float32Array.from(ROW) }],
      { deadline: Infinity, caller: NOBODY }
    )
    expect(probabilities).toMatchObject({ labels: ['high', 'low', 'mid'], shape: [1, 3] })
  } finally {
    await model.close()
  }
})
