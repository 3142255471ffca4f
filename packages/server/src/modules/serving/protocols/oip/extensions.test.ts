import { gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServing, type TestServer } from '../../test/fixtures.ts'
import { classify } from './classification.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServing()
  for (const model of ['fraud/1', 'identity', 'simple'])
    await server.send('POST', '/api/endpoints', { name: model.split('/')[0], model })
})
afterAll(() => server.stop())

const x = { name: 'float_input', datatype: 'FP32', shape: [2, 3], data: [120.5, 0.5, 2, 1, 0.5, 2] }

test('classification gives the largest values of each row with their index', async () => {
  const { json } = await server.send('POST', '/v2/models/fraud/infer', {
    inputs: [x],
    outputs: [{ name: 'probabilities', parameters: { classification: 1 } }],
  })
  expect(json['outputs']).toMatchObject([{ datatype: 'BYTES', shape: [2, 1] }])
  const [{ data }] = json['outputs'] as [{ data: string[] }]
  expect(data).toEqual([
    expect.stringMatching(/^0\.\d{6}:1$/),
    expect.stringMatching(/^0\.\d{6}:0$/),
  ])
  const refused = await server.send('POST', '/v2/models/fraud/infer', {
    inputs: [x],
    outputs: [{ name: 'probabilities', parameters: { classification: -1 } }],
  })
  expect(refused.status).toBe(400)
})

test('classes of a vector, ties by index and NaN last', () => {
  const data = Float32Array.of(1, NaN, 3, 1)
  expect(classify({ name: 'y', datatype: 'FP32', shape: [4], data }, 9)).toEqual({
    name: 'y',
    datatype: 'BYTES',
    shape: [4],
    data: ['3.000000:2', '1.000000:0', '1.000000:3', 'NaN:1'],
  })
})

test('a model is unloaded and loaded through the repository, and its endpoint stays', async () => {
  const at = '/v2/repository/models/simple'
  const index = async (body: object = {}) =>
    (await server.send('POST', '/v2/repository/index', body)).json as unknown as {
      name: string
      state: string
      reason: string
    }[]
  expect((await server.send('POST', `${at}/unload`, {})).status).toBe(200)
  expect((await index()).find(({ name }) => name === 'simple')).toMatchObject({
    state: 'UNAVAILABLE',
    reason: 'unloaded',
  })
  expect((await index({ ready: true })).map(({ name }) => name)).not.toContain('simple')
  expect((await server.send('GET', '/v2/models/simple/ready')).status).toBe(503)
  const row = Array.from({ length: 16 }, () => 1)
  const inputs = ['INPUT0', 'INPUT1'].map((name) => ({
    name,
    datatype: 'INT32',
    shape: [1, 16],
    data: row,
  }))
  expect((await server.send('POST', '/v2/models/simple/infer', { inputs })).status).toBe(503)
  expect((await server.send('POST', `${at}/load`)).status).toBe(200)
  expect((await server.send('POST', '/v2/models/simple/infer', { inputs })).status).toBe(200)
})

test('loading a registered model that has no endpoint makes one; files in the request are refused', async () => {
  const load = (model: string, body?: object) =>
    server.send('POST', `/v2/repository/models/${model}/load`, body)
  expect((await load('lookup')).status).toBe(200)
  expect((await server.send('GET', '/v2/models/lookup/ready')).status).toBe(200)
  expect((await load('missing')).json).toEqual({
    error: "failed to load 'missing', no such model is registered",
  })
  expect((await load('text', { parameters: { config: '{}' } })).status).toBe(400)
})

test('bodies come and go packed with gzip, deflate and zstd', async () => {
  const data = Array.from({ length: 2_000 }, (_, i) => i)
  const body = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [2_000], data }] })
  const ask = (packed: Uint8Array<ArrayBuffer>, encoding: string, accept: string) =>
    fetch(`${server.url}/v2/models/identity/infer`, {
      method: 'POST',
      headers: { 'content-encoding': encoding, 'accept-encoding': accept },
      body: packed,
    })
  const zstd = await ask(new Uint8Array(zstdCompressSync(body)), 'zstd', 'zstd')
  expect(zstd.headers.get('content-encoding')).toBe('zstd')
  const raw = Buffer.from(await zstd.arrayBuffer())
  // fetch unpacks zstd where it knows it
  const text = raw[0] === 0x7b ? raw.toString() : zstdDecompressSync(raw).toString()
  expect(JSON.parse(text)).toMatchObject({ outputs: [{ data }] })
  const gzip = await ask(new Uint8Array(gzipSync(body)), 'gzip', 'gzip')
  expect(gzip.headers.get('content-encoding')).toBe('gzip')
  expect(await gzip.json()).toMatchObject({ outputs: [{ data }] })
  const browser = await ask(new Uint8Array(gzipSync(body)), 'gzip', 'gzip, deflate, br')
  expect(browser.headers.get('content-encoding')).toBeNull()
})

test('parameters that Triton keeps for itself are refused', async () => {
  const refused = await server.send('POST', '/v2/models/fraud/infer', {
    inputs: [x],
    parameters: { triton_enable_empty_final_response: true },
  })
  expect(refused.status).toBe(400)
})
