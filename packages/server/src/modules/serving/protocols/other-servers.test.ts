import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServing, type TestServer } from '../test/fixtures.ts'

const ROW = { amount: 120.5, age: 0.5, score: 2 }
const near = (value: number) => expect.closeTo(value, 4) as number
const ANSWER = { label: 1, probabilities: [near(0.0021), near(0.9979)] }

let server: TestServer
beforeAll(async () => {
  server = await startServing(
    {},
    {
      TRESTLE_HOSTED_BY: 'vertex',
      TRESTLE_PORT: '0',
      AIP_PREDICT_ROUTE: '/vertex/predict',
      AIP_HEALTH_ROUTE: '/vertex/health',
      TRESTLE_AUTH: 'required',
      TRESTLE_ADMIN_KEY: KEY,
      TRESTLE_METRIC_NAMES: 'triton, kserve,torchserve',
    }
  )
  const made = await send('POST', '/api/endpoints', { name: 'fraud', model: 'fraud/1' })
  expect(made.status).toBe(201)
})
afterAll(() => server.stop())

const KEY = 'k'.repeat(24)
const send: TestServer['send'] = (method, path, body, headers = {}) =>
  server.send(method, path, body, { authorization: `Bearer ${KEY}`, ...headers })

test('TorchServe clients predict, by model and version, one row or several', async () => {
  for (const path of [
    '/predictions/fraud',
    '/predictions/fraud/1',
    '/torchserve/predictions/fraud',
  ])
    expect((await send('POST', path, ROW)).json).toEqual(ANSWER)
  expect((await send('POST', '/predictions/fraud', { data: [ROW, ROW] })).json).toEqual([
    ANSWER,
    ANSWER,
  ])
  expect((await send('POST', '/predictions/none', ROW)).json).toMatchObject({
    code: 404,
    type: 'ModelNotFoundException',
  })
  expect((await send('POST', '/predictions/fraud/9', ROW)).json).toMatchObject({
    code: 404,
    type: 'ModelVersionNotFoundException',
  })
  expect((await send('POST', '/predictions/fraud', '{')).json).toMatchObject({
    code: 400,
    type: 'BadRequestException',
  })
})

test('TorchServe’s management API lists, describes and scales to none and back', async () => {
  expect((await send('GET', '/torchserve/models?limit=1')).json).toEqual({
    models: [{ modelName: 'fraud', modelUrl: 'models:/fraud/1' }],
  })
  const describe = async () => (await send('GET', '/torchserve/models/fraud/all')).json
  expect(await describe()).toMatchObject([
    { modelVersion: '1', minWorkers: 1, workers: [{ status: 'READY' }] },
  ])
  const scale = (query: string) => send('PUT', `/torchserve/models/fraud?${query}`)
  expect((await scale('min_worker=0&synchronous=true')).status).toBe(200)
  expect(await describe()).toMatchObject([{ minWorkers: 0, workers: [] }])
  expect((await send('POST', '/predictions/fraud', ROW)).json).toMatchObject({
    code: 503,
    type: 'ServiceUnavailableException',
  })
  expect((await scale('min_worker=2&synchronous=true')).status).toBe(200)
  expect((await send('POST', '/predictions/fraud', ROW)).status).toBe(200)
  expect((await scale('min_worker=x')).status).toBe(400)
})

test('Vertex AI calls its own routes without a key', async () => {
  expect((await server.send('GET', '/vertex/health')).status).toBe(200)
  const answer = await server.send('POST', '/vertex/predict', { instances: [ROW] })
  expect(answer.json).toEqual({ predictions: [ANSWER] })
  const wrong = await server.send('POST', '/vertex/predict', { instances: [{ amount: 1 }] })
  expect(wrong.status).toBe(400)
  expect(wrong.json).toMatchObject({ error: { code: 400, status: 'request.invalid' } })
  expect((await server.send('POST', '/endpoints/fraud/predict', ROW)).status).toBe(401)
})

test('Azure ML scores its own forms and MLflow’s', async () => {
  const bodies = [
    { input_data: { columns: ['amount', 'age', 'score'], index: [0], data: [[120.5, 0.5, 2]] } },
    { input_data: [ROW] },
    { data: [ROW] },
    { instances: [ROW] },
  ]
  for (const body of bodies)
    expect((await server.send('POST', '/score', body)).json, JSON.stringify(body)).toEqual([ANSWER])
  expect((await server.send('POST', '/score', { what: 1 })).status).toBe(400)
})

test('SageMaker sends CSV without a header and takes CSV back', async () => {
  const response = await fetch(`${server.url}/invocations`, {
    method: 'POST',
    headers: { 'content-type': 'text/csv', accept: 'text/csv' },
    body: '120.5,0.5,2\n1,0.5,2\n',
  })
  expect(response.headers.get('content-type')).toContain('text/csv')
  const lines = (await response.text()).trim().split('\n')
  expect(lines.map((line) => line.split(',')[0])).toEqual(['1', '0'])
  expect(lines[0]?.split(',')).toHaveLength(3)
  const target = await server.send(
    'POST',
    '/invocations',
    { instances: [ROW] },
    {
      'x-amzn-sagemaker-target-model': 'none',
    }
  )
  expect(target.status).toBe(404)
})

test('the numbers stand under Triton’s, KServe’s and TorchServe’s names too', async () => {
  const text = await (
    await fetch(`${server.url}/metrics`, { headers: { authorization: `Bearer ${KEY}` } })
  ).text()
  const value = (start: string): number =>
    Number(
      text
        .split('\n')
        .find((line) => line.startsWith(start))
        ?.split(' ')
        .at(-1)
    )
  const of = '{model="fraud",version="1"}'
  expect(value(`nv_inference_request_success${of}`)).toBeGreaterThan(5)
  expect(value(`nv_inference_count${of}`)).toBeGreaterThan(
    value(`nv_inference_request_success${of}`)
  )
  expect(
    value('nv_inference_request_failure{model="fraud",version="1",reason="REJECTED"}')
  ).toBeGreaterThan(0)
  expect(value(`nv_inference_request_duration_us${of}`)).toBeGreaterThan(
    value(`nv_inference_compute_infer_duration_us${of}`)
  )
  expect(value('request_predict_seconds_count{model_name="fraud"}')).toBe(
    value(`nv_inference_request_success${of}`)
  )
  expect(value('ts_inference_requests_total{model_name="fraud",model_version="1"')).toBeGreaterThan(
    5
  )
})
