import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServing, type TestServer } from '../../test/fixtures.ts'
import { ELEMENT_BYTES, type Datatype, type Tensor } from '../../tensor.ts'
import { readInferCall, writeInferAnswer } from './infer-codec.ts'
import { fromBytes, fromJsonData, toBytes, toJsonData } from './tensor-codec.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServing()
  for (const model of ['simple', 'identities', 'identity', 'text', 'fraud/1', 'lookup']) {
    const made = await server.send('POST', '/api/endpoints', {
      name: model.split('/')[0],
      model,
    })
    expect(made.status, JSON.stringify(made.json)).toBe(201)
  }
})
afterAll(() => server.stop())

const infer = (model: string, body: unknown) =>
  server.send('POST', `/v2/models/${model}/infer`, body)

test('health, server and model metadata have the fields of the protocol', async () => {
  expect((await server.send('GET', '/v2/health/live')).status).toBe(200)
  expect((await server.send('GET', '/v2/health/ready')).status).toBe(200)
  expect((await server.send('GET', '/v2')).json).toMatchObject({ name: 'trestle' })
  expect((await server.send('GET', '/v2/models/simple')).json).toEqual({
    name: 'simple',
    versions: ['1'],
    platform: 'onnxruntime_onnx',
    inputs: [
      { name: 'INPUT0', datatype: 'INT32', shape: [-1, 16] },
      { name: 'INPUT1', datatype: 'INT32', shape: [-1, 16] },
    ],
    outputs: [
      { name: 'OUTPUT0', datatype: 'INT32', shape: [-1, 16] },
      { name: 'OUTPUT1', datatype: 'INT32', shape: [-1, 16] },
    ],
  })
  expect((await server.send('GET', '/v2/models/simple/versions/1/ready')).status).toBe(200)
  expect((await server.send('GET', '/v2/models/simple/versions/7/ready')).status).toBe(404)
  expect((await server.send('GET', '/v2/models/none')).json).toEqual({
    error: "Request for unknown model: 'none' is not found",
  })
  expect((await server.send('GET', '/v2/models/simple/config')).json).toMatchObject({
    max_batch_size: 64,
    input: [{ data_type: 'TYPE_INT32', dims: [16] }, {}],
  })
})

test('inference takes flat and nested data, echoes the id and gives the outputs that were asked for', async () => {
  const row = Array.from({ length: 16 }, (_, i) => i)
  const input = (name: string, data: unknown) => ({ name, datatype: 'INT32', shape: [1, 16], data })
  const answer = await infer('simple', {
    id: 'a-7',
    inputs: [input('INPUT0', [row]), input('INPUT1', row)],
    outputs: [{ name: 'OUTPUT1' }],
  })
  expect(answer.json).toEqual({
    id: 'a-7',
    model_name: 'simple',
    model_version: '1',
    outputs: [{ name: 'OUTPUT1', datatype: 'INT32', shape: [1, 16], data: row.map(() => 0) }],
  })
})

test('columns by name feed a stacked model, the way clients send data frames', async () => {
  const column = (name: string, value: number) => ({
    name,
    datatype: 'FP64',
    shape: [1],
    data: [value],
  })
  const { json } = await infer('fraud', {
    inputs: [column('score', 2), column('amount', 120.5), column('age', 0.5)],
  })
  expect(json['outputs']).toMatchObject([{ name: 'label', data: [1] }, { name: 'probabilities' }])
})

test('a raw binary body is the one input', async () => {
  const response = await fetch(`${server.url}/v2/models/identity/infer`, {
    method: 'POST',
    headers: { 'inference-header-content-length': '0' },
    body: new Uint8Array(Float32Array.of(1.5, -2).buffer),
  })
  const bytes = await response.bytes()
  const header = Number(response.headers.get('inference-header-content-length'))
  expect(JSON.parse(Buffer.from(bytes.subarray(0, header)).toString())).toMatchObject({
    outputs: [{ name: 'y', datatype: 'FP32', shape: [2], parameters: { binary_data_size: 8 } }],
  })
  expect([...new Float32Array(bytes.slice(header).buffer)]).toEqual([1.5, -2])
})

test('packed bodies are read, and what is not packed so is refused', async () => {
  const { gzipSync } = await import('node:zlib')
  const body = JSON.stringify({
    inputs: [{ name: 'x', datatype: 'FP32', shape: [1], data: [4] }],
  })
  const post = (sent: Uint8Array<ArrayBuffer> | string, encoding: string) =>
    fetch(`${server.url}/v2/models/identity/infer`, {
      method: 'POST',
      headers: { 'content-encoding': encoding },
      body: sent,
    })
  expect(await (await post(gzipSync(body), 'gzip')).json()).toMatchObject({
    outputs: [{ data: [4] }],
  })
  expect((await post(body, 'gzip')).status).toBe(400)
  expect((await post(body, 'br')).status).toBe(415)
})

const DATATYPES = Object.keys(ELEMENT_BYTES) as Datatype[]
const numeric = DATATYPES.filter((d) => d !== 'BYTES')
const shape = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 })

/** Tensors of every datatype with any bits at all. */
const tensor: fc.Arbitrary<Tensor> = fc
  .tuple(fc.constantFrom(...DATATYPES), shape, fc.infiniteStream(fc.nat(255)))
  .map(([datatype, dims, stream]) => {
    const count = dims.reduce((product, dim) => product * dim, 1)
    const head = { name: 'x', datatype, shape: dims }
    if (datatype === 'BYTES')
      return { ...head, data: Array.from({ length: count }, () => `é${stream.next().value}`) }
    const mask = datatype === 'BOOL' ? 1 : 255
    const bytes = Uint8Array.from(
      { length: count * ELEMENT_BYTES[datatype] },
      () => Number(stream.next().value) & mask
    )
    return fromBytes(head, bytes)
  })

test('every tensor survives the binary form, bit by bit', () => {
  fc.assert(
    fc.property(tensor, (given) => {
      expect(fromBytes(given, toBytes(given))).toEqual(given)
    })
  )
})

test('every tensor of finite numbers survives the JSON form', () => {
  fc.assert(
    fc.property(tensor, (given) => {
      const text = toJsonData(given)
      fc.pre(!text.includes('null'))
      const body = Buffer.from(
        `{"inputs":[{"name":"x","datatype":"${given.datatype}","shape":${JSON.stringify(given.shape)},"data":${text}}]}`
      )
      const [read] = readInferCall(body, null).inputs
      // −0 is written as 0, which is the same number.
      expect(toJsonData(read!)).toBe(text)
    })
  )
})

test('an answer in the binary form says where each blob lies', () => {
  fc.assert(
    fc.property(tensor, fc.boolean(), (given, isBinary) => {
      const call = { id: null, inputs: [], outputs: null, isBinary, timeoutMs: null }
      const answer = { predictionId: 'p', variant: 'v', model: { name: 'm', version: 3 }, rows: 1 }
      const { body, headerLength } = writeInferAnswer('e', call, { ...answer, outputs: [given] })
      const bytes = Buffer.from(body)
      const json = JSON.parse(bytes.subarray(0, headerLength ?? undefined).toString()) as {
        outputs: [{ parameters?: { binary_data_size: number } }]
      }
      if (isBinary)
        expect(json.outputs[0].parameters?.binary_data_size).toBe(bytes.length - headerLength!)
      else expect(headerLength).toBeNull()
    })
  )
})

const refusal = (run: () => unknown): string => {
  try {
    run()
    return 'taken'
  } catch (error) {
    const { code } = error as { code?: string }
    if (code === undefined) throw error
    return code
  }
}

test('whatever bytes come, the codec takes them or says what is wrong', () => {
  const outcomes = ['taken', 'request.invalid', 'request.malformed']
  const odd = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom(
      -1,
      1.5,
      1e308,
      2 ** 53,
      null,
      '',
      NaN,
      [],
      {},
      [[]],
      [-1],
      [1e9, 1e9],
      'FP32',
      'BYTES'
    )
  )
  const input = fc.record(
    {
      name: odd,
      datatype: fc.oneof(odd, fc.constantFrom(...DATATYPES)),
      shape: odd,
      data: odd,
      parameters: fc.oneof(odd, fc.record({ binary_data_size: odd })),
    },
    { requiredKeys: [] }
  )
  const call = fc.record(
    { id: odd, inputs: fc.oneof(odd, fc.array(input)), outputs: odd, parameters: odd },
    { requiredKeys: [] }
  )
  fc.assert(
    fc.property(
      call,
      fc.uint8Array({ maxLength: 40 }),
      fc.integer({ min: -3, max: 60 }),
      (json, tail, skew) => {
        const head = Buffer.from(JSON.stringify(json))
        const body = Buffer.concat([head, tail])
        expect(outcomes).toContain(refusal(() => readInferCall(body, head.length + skew)))
        expect(outcomes).toContain(refusal(() => readInferCall(Buffer.from(tail), null)))
      }
    ),
    { numRuns: 500 }
  )
})

test('a wrong length is refused for every datatype, never read past', () => {
  fc.assert(
    fc.property(fc.constantFrom(...numeric), fc.nat(9), fc.nat(80), (datatype, count, size) => {
      fc.pre(datatype !== 'BOOL' && size !== count * ELEMENT_BYTES[datatype])
      const head = { name: 'x', datatype, shape: [count] }
      return refusal(() => fromBytes(head, new Uint8Array(size))) === 'request.invalid'
    })
  )
  const lying = Buffer.from([255, 255, 255, 255, 65])
  const text = { name: 'x', datatype: 'BYTES', shape: [1] } as const
  expect(refusal(() => fromBytes(text, lying))).toBe('request.invalid')
  expect(refusal(() => fromBytes({ ...text, shape: [2 ** 31, 2 ** 31] }, lying))).toBe(
    'request.invalid'
  )
  expect(refusal(() => fromJsonData({ ...text, datatype: 'FP32', shape: [-1] }, []))).toBe(
    'request.invalid'
  )
})

test('bad requests over HTTP are 4xx in the form of the protocol', async () => {
  const x = { name: 'x', datatype: 'FP32', shape: [1], data: [1] }
  const bodies: unknown[] = [
    '',
    '{"inputs": [',
    'NaN',
    [],
    { inputs: 1 },
    { inputs: [] },
    { inputs: [x, x] },
    { inputs: [{ ...x, name: 'z' }] },
    { inputs: [{ ...x, datatype: 'FP64' }] },
    { inputs: [{ ...x, shape: [2] }] },
    { inputs: [{ ...x, shape: [1, 1] }] },
    { inputs: [{ ...x, shape: [-1] }] },
    { inputs: [{ ...x, shape: [0], data: [] }] },
    { inputs: [{ ...x, shape: [4_294_967_297] }] },
    { inputs: [{ ...x, data: ['1'] }] },
    { inputs: [{ ...x, parameters: { binary_data_size: 4 } }] },
    { inputs: [x], outputs: [{ name: 'nope' }] },
    { inputs: [x], parameters: { timeout: -1 } },
    '{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[NaN]}]}',
  ]
  for (const body of bodies) {
    const { status, json } = await infer('identity', body)
    expect(status, JSON.stringify(body)).toBe(400)
    expect(Object.keys(json)).toEqual(['error'])
  }
})
