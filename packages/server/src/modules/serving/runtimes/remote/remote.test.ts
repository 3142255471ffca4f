import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { startServing, type TestServer } from '../../test/fixtures.ts'

let far: TestServer
let near: TestServer
beforeAll(async () => {
  far = await startServing({}, { TRESTLE_GRPC_PORT: '0' })
  for (const model of ['fraud/1', 'identities', 'text', 'slow'])
    await far.send('POST', '/api/endpoints', { name: model.split('/')[0], model })
  near = await startServing()
})
afterAll(async () => {
  await near.stop()
  await far.stop()
})

const create = (name: string, remote: object, more: object = {}) =>
  near.send('POST', '/api/endpoints', { name, remote, ...more })
const grpcUrl = (): string => `grpc://127.0.0.1:${far.grpcPort}`

const ROW = { amount: 120.5, age: 0.5, score: 2 }

test('a model on another server answers behind an endpoint as it answers there, over REST and gRPC', async () => {
  const there = await far.send('POST', '/endpoints/fraud/predict', ROW)
  for (const [name, url] of [
    ['far-rest', far.url],
    ['far-grpc', grpcUrl()],
  ] as const) {
    const made = await create(
      name,
      { url, model: 'fraud' },
      { columns: ['amount', 'age', 'score'] }
    )
    expect(made.status, JSON.stringify(made.json)).toBe(201)
    expect(made.json['variants']).toMatchObject([
      { name: 'fraud', state: 'ready', remote: { url, model: 'fraud' } },
    ])
    const here = await near.send('POST', `/endpoints/${name}/predict`, ROW)
    expect(here.json['outputs']).toEqual(there.json['outputs'])
    const meta = await near.send('GET', `/v2/models/${name}`)
    expect(meta.json).toMatchObject({
      platform: 'onnxruntime_onnx',
      inputs: [{ datatype: 'FP32', shape: [-1, 3] }],
    })
  }
})

test('every datatype passes through bit for bit', async () => {
  const data: Record<string, unknown[]> = {
    BOOL: [true, false],
    INT8: [-128, 127],
    INT16: [-32_768, 32_767],
    INT32: [-2_147_483_648, 5],
    UINT8: [0, 255],
    UINT16: [0, 65_535],
    UINT32: [0, 4_294_967_295],
    FP16: [0.5, -2],
    FP32: [1.5, -3.25],
    FP64: [Math.PI, 1e300],
    BYTES: ['grün', ''],
  }
  const big = '"data":[-9223372036854775808,9007199254740993]'
  const ubig = '"data":[0,18446744073709551615]'
  const small = Object.entries(data).map(([name, values]) =>
    JSON.stringify({ name, datatype: name, shape: [1, 2], data: values })
  )
  const body = `{"inputs":[${[
    ...small,
    `{"name":"INT64","datatype":"INT64","shape":[1,2],${big}}`,
    `{"name":"UINT64","datatype":"UINT64","shape":[1,2],${ubig}}`,
  ].join(',')}]}`
  const ask = async (server: TestServer, model: string): Promise<string> => {
    const answer = await fetch(`${server.url}/v2/models/${model}/infer`, { method: 'POST', body })
    return (await answer.text()).replace(/"model_name":"[^"]*",/, '')
  }
  const there = await ask(far, 'identities')
  expect(there).toContain('9007199254740993')
  for (const [name, url] of [
    ['id-rest', far.url],
    ['id-grpc', grpcUrl()],
  ] as const) {
    await create(name, { url, model: 'identities' })
    expect(await ask(near, name)).toBe(there)
  }
})

test('a caller’s mistake that the far server finds is a 400 with its words; a missing model does not load', async () => {
  const text = { name: 'x', datatype: 'BYTES', shape: [1, 1], data: ['a'] }
  await create('wrong', {
    url: far.url,
    model: 'fraud',
    inputs: [{ name: 'x', datatype: 'BYTES', shape: [-1, 1] }],
  })
  const refused = await near.send('POST', '/v2/models/wrong/infer', { inputs: [text] })
  expect(refused.status).toBe(400)
  expect(refused.json['error']).toContain('it answered 400: column "amount" is missing')
  for (const url of [far.url, grpcUrl()]) {
    const made = await create('none', { url, model: 'nothing' })
    expect(made.status).toBe(422)
    expect(made.json['detail']).toContain("unknown model: 'nothing'")
  }
})

test('a deadline ends a remote call too', async () => {
  await create('slow', { url: far.url, model: 'slow' })
  const { json } = await near.send('GET', '/api/endpoints/slow/schema')
  const late = await near.send('POST', '/endpoints/slow/predict', json['example'], {
    'x-request-timeout-ms': '5',
  })
  expect(late.status).toBe(504)
})

/** A model server that does what a test says. */
let behave: (request: IncomingMessage, response: ServerResponse, body: string) => unknown
let odd: Server
let oddUrl = ''
beforeEach(async () => {
  odd = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += String(chunk)))
    request.on('end', () => behave(request, response, body))
  })
  await new Promise<void>((resolve) => odd.listen(0, '127.0.0.1', resolve))
  const address = odd.address()
  oddUrl = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
})
afterEach(() => {
  odd.closeAllConnections()
  odd.close()
})
const reply = (
  response: ServerResponse,
  status: number,
  body: unknown,
  headers = {}
): ServerResponse => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  return response.end(JSON.stringify(body))
}
const META = {
  name: 'm',
  platform: 'other',
  inputs: [{ name: 'x', datatype: 'FP64', shape: [-1] }],
  outputs: [{ name: 'y', datatype: 'FP64', shape: [-1] }],
}
const answer = (y: number) => ({
  model_name: 'm',
  outputs: [{ name: 'y', datatype: 'FP64', shape: [1], data: [y] }],
})

test('a busy server is asked again, and who asked and whose trace it is go along', async () => {
  let calls = 0
  let seen: IncomingMessage['headers'] = {}
  behave = (request, response) => {
    if (request.method === 'GET') return reply(response, 200, META)
    seen = request.headers
    if (++calls < 3) return reply(response, 503, { error: 'full' }, { 'retry-after': '0' })
    return reply(response, 200, answer(7))
  }
  await create('busy', { url: oddUrl, model: 'm' })
  const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  const got = await near.send(
    'POST',
    '/endpoints/busy/predict',
    { x: 1 },
    {
      traceparent: trace,
      'x-request-id': 'mine-1',
    }
  )
  expect(got.json['outputs']).toEqual({ y: 7 })
  expect(calls).toBe(3)
  expect(seen).toMatchObject({ traceparent: trace, 'x-request-id': 'mine-1' })
})

test('what the server may have begun is not asked twice; after five failures callers are told at once, until it is well', async () => {
  let calls = 0
  let isWell = false
  behave = (request, response) => {
    if (request.method === 'GET') return reply(response, 200, META)
    calls++
    return isWell ? reply(response, 200, answer(1)) : response.socket?.destroy()
  }
  await create('broken', { url: oddUrl, model: 'm' })
  for (let i = 0; i < 5; i++)
    expect((await near.send('POST', '/endpoints/broken/predict', { x: 1 })).status).toBe(502)
  expect(calls).toBe(5)
  expect((await near.send('POST', '/endpoints/broken/predict', { x: 1 })).status).toBe(502)
  expect(calls).toBe(5)
  isWell = true
  await expect
    .poll(async () => (await near.send('POST', '/endpoints/broken/predict', { x: 1 })).status, {
      timeout: 10_000,
      interval: 100,
    })
    .toBe(200)
})

test('answers that lie about their tensors are the server’s failure, not ours', async () => {
  const lies: unknown[] = [
    {},
    { outputs: 1 },
    { outputs: [{ name: 'y', datatype: 'FP64', shape: [3], data: [1] }] },
    { outputs: [{ name: 'y', datatype: 'NOPE', shape: [1], data: [1] }] },
    {
      outputs: [{ name: 'y', datatype: 'FP64', shape: [1], parameters: { binary_data_size: 99 } }],
    },
  ]
  let at = 0
  behave = (request, response) => reply(response, 200, request.method === 'GET' ? META : lies[at])
  for (at = 0; at < lies.length; at++) {
    await create(`lies-${at}`, { url: oddUrl, model: 'm' })
    const { status, json } = await near.send('POST', `/endpoints/lies-${at}/predict`, { x: 1 })
    expect(status).toBe(502)
    expect(json['detail']).toContain("can't be read")
  }
})

test('a server that says nothing of its inputs gets what came: KServe V1, SageMaker and MLflow', async () => {
  const bodies: unknown[] = []
  behave = (request, response, body) => {
    if (request.method === 'GET') return reply(response, 200, { ready: true })
    bodies.push([request.url, JSON.parse(body)])
    return reply(response, 200, { predictions: [{ label: 'a', p: 0.25 }] })
  }
  await create('v1', { url: oddUrl, protocol: 'kserve-v1', model: 'm' })
  await create('sm', { url: `${oddUrl}/invocations`, protocol: 'sagemaker' })
  await create('ml', { url: `${oddUrl}/invocations`, protocol: 'mlflow' })
  for (const name of ['v1', 'sm', 'ml']) {
    const { json } = await near.send('POST', `/endpoints/${name}/predict`, { a: 1, b: 'x' })
    expect(json['outputs'], name).toEqual({ label: 'a', p: 0.25 })
  }
  expect(bodies).toEqual([
    ['/v1/models/m:predict', { instances: [{ a: 1, b: 'x' }] }],
    ['/invocations', { instances: [{ a: 1, b: 'x' }] }],
    ['/invocations', { dataframe_records: [{ a: 1, b: 'x' }] }],
  ])
})
