import { deflateRawSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { createPostgres } from '../support/databases.ts'

/** MLflow's limits, as mlflow/utils/validation.py states them: at each one the request is taken, one beyond it is refused. */
const serverUrl = inject('postgresUrl')
describe('on SQLite', () => suite(null))
describe.skipIf(serverUrl === null)('on PostgreSQL', () => suite(serverUrl))

type Point = { key: string; value: number | string; timestamp: number; step: number }
type Answer = {
  error_code?: string
  message?: string
  experiment_id: string
  experiment: { tags: { key: string; value: string }[] }
  metrics?: Point[]
  run: {
    info: { run_id: string }
    data: Record<'params' | 'tags', { key: string; value: string }[]> & { metrics: Point[] }
  }
}

function suite(postgres: string | null): void {
  let app: Awaited<ReturnType<typeof startTestApp>>
  let remove = async () => {}
  let runId = ''
  beforeAll(async () => {
    const database = postgres === null ? null : await createPostgres(postgres)
    remove = database?.remove ?? remove
    app = await startTestApp(database === null ? {} : { DATABASE_URL: database.url })
    const { body } = await post('runs/create', { experiment_id: '0', start_time: 1 })
    runId = body.run.info.run_id
  })
  afterAll(async () => {
    await app.stop()
    await remove()
  })

  const read = async (response: Response) => ({
    status: response.status,
    body: (await response.json()) as Answer,
  })
  const post = async (path: string, body: object | string) =>
    read(
      await fetch(`${app.url}/api/2.0/mlflow/${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      })
    )
  const get = async (path: string) => read(await fetch(`${app.url}/api/2.0/mlflow/${path}`))
  const dataOf = async () => (await get(`runs/get?run_id=${runId}`)).body.run.data
  const history = async (key: string) => {
    const asked = `metrics/get-history?run_id=${runId}&metric_key=${encodeURIComponent(key)}`
    return (await get(asked)).body.metrics
  }

  const many = (count: number, prefix: string) =>
    Array.from({ length: count }, (_, i) => ({ key: `${prefix}${i}`, value: '1' }))
  const points = (count: number) =>
    Array.from({ length: count }, (_, step) => ({ key: 'many', value: 1, timestamp: 1, step }))
  const metric = (fields: object) => ({ key: 'm', value: 1, timestamp: 1, step: 0, ...fields })
  const dataset = (fields: object, tags: object[] = []) => ({
    datasets: [
      { tags, dataset: { name: 'd', digest: 'd', source_type: 's', source: 's', ...fields } },
    ],
  })
  const long = (length: number) => 'k'.repeat(length)

  test.each<[string, string, (n: number) => object, number]>([
    ['metrics of a batch', 'runs/log-batch', (n) => ({ metrics: points(n) }), 1_000],
    ['params of a batch', 'runs/log-batch', (n) => ({ params: many(n, 'p') }), 100],
    ['tags of a batch', 'runs/log-batch', (n) => ({ tags: many(n, 't') }), 100],
    [
      'all of a batch',
      'runs/log-batch',
      (n) => ({ metrics: points(n - 150), params: many(75, 'p'), tags: many(75, 't') }),
      1_000,
    ],
    ['a metric key', 'runs/log-metric', (n) => metric({ key: long(n) }), 250],
    ['a param key', 'runs/log-parameter', (n) => ({ key: long(n), value: 'v' }), 250],
    ['a tag key', 'runs/set-tag', (n) => ({ key: long(n), value: 'v' }), 250],
    ['an experiment name', 'experiments/create', (n) => ({ name: long(n) }), 500],
    ['a model name', 'registered-models/create', (n) => ({ name: long(n) }), 256],
    ['a dataset name', 'runs/log-inputs', (n) => dataset({ name: long(n) }), 500],
    ['a dataset digest', 'runs/log-inputs', (n) => dataset({ digest: long(n) }), 36],
    ['a dataset source', 'runs/log-inputs', (n) => dataset({ source: long(n) }), 65_535],
    ['a dataset schema', 'runs/log-inputs', (n) => dataset({ schema: long(n) }), 1_048_575],
    [
      'a dataset tag key',
      'runs/log-inputs',
      (n) => dataset({}, [{ key: long(n), value: 'v' }]),
      255,
    ],
    ['runs of a page', 'runs/search', (n) => ({ experiment_ids: ['0'], max_results: n }), 50_000],
    ['experiments of a page', 'experiments/search', (n) => ({ max_results: n }), 50_000],
  ])('%s', async (_name, path, fields, most) => {
    expect((await post(path, { run_id: runId, ...fields(most) })).status).toBe(200)
    const { status, body } = await post(path, { run_id: runId, ...fields(most + 1) })
    expect(status).toBe(400)
    expect(body.error_code).toBe('INVALID_PARAMETER_VALUE')
    expect(body.message?.length).toBeGreaterThan(10)
  })

  test('what is refused leaves nothing of its batch behind', async () => {
    const refused = await post('runs/log-batch', {
      run_id: runId,
      metrics: [metric({ key: 'half' })],
      params: [{ key: 'half', value: 'v' }],
      tags: [{ key: 'a/../b', value: 'v' }],
    })
    expect(refused.status).toBe(400)
    const { metrics, params } = await dataOf()
    expect([...metrics, ...params].filter(({ key }) => key === 'half')).toEqual([])
  })

  test('long values are cut as MLflow cuts them', async () => {
    await post('runs/log-parameter', { run_id: runId, key: 'long', value: 'é'.repeat(6_001) })
    await post('runs/set-tag', { run_id: runId, key: 'long', value: 'é'.repeat(8_001) })
    const { params, tags } = await dataOf()
    expect(params.find(({ key }) => key === 'long')?.value).toBe('é'.repeat(6_000))
    expect(tags.find(({ key }) => key === 'long')?.value).toBe('é'.repeat(8_000))
    const tag = { experiment_id: '0', key: 'long', value: 'é'.repeat(20_001) }
    expect((await post('experiments/set-experiment-tag', tag)).status).toBe(200)
    const { experiment } = (await get('experiments/get?experiment_id=0')).body
    expect(experiment.tags.find(({ key }) => key === 'long')?.value).toBe('é'.repeat(20_000))
  })

  test.each(['', '/abs', 'a//b', 'a/./b', '../up', 'a/..', 'semi;colon', 'new\nline', '😀'])(
    'the key %j is refused in each place',
    async (key) => {
      for (const [path, fields] of [
        ['runs/log-metric', metric({ key })],
        ['runs/log-parameter', { key, value: 'v' }],
        ['runs/set-tag', { key, value: 'v' }],
      ] as const)
        expect((await post(path, { run_id: runId, ...fields })).status, path).toBe(400)
    }
  )

  test('keys and values of any script come back as they were sent', async () => {
    const key = 'потеря/损失 μ-1'
    const value = '😀 \u202Eעברית é e\u0301'
    await post('runs/log-metric', { run_id: runId, ...metric({ key, value: 0.5 }) })
    await post('runs/log-parameter', { run_id: runId, key, value })
    expect(await history(key)).toEqual([{ key, value: 0.5, timestamp: 1, step: 0 }])
    expect((await dataOf()).params.find((param) => param.key === key)?.value).toBe(value)
  })

  test('NaN and the infinities are kept, steps may go back and below zero, and the greatest is the latest', async () => {
    const steps = [5, -3, 9, 0]
    for (const step of steps)
      await post('runs/log-metric', {
        run_id: runId,
        ...metric({ key: 'steps', value: step, step }),
      })
    expect((await dataOf()).metrics.find(({ key }) => key === 'steps')).toMatchObject({ step: 9 })
    expect((await history('steps'))?.map(({ step }) => step)).toEqual(expect.arrayContaining(steps))
    for (const [value, kept] of [
      ['NaN', 'NaN'],
      ['Infinity', Number.MAX_VALUE],
      ['-Infinity', -Number.MAX_VALUE],
    ] as const) {
      const key = `odd${value}`
      await post('runs/log-metric', { run_id: runId, ...metric({ key, value }) })
      expect((await history(key))?.map((point) => point.value)).toEqual([kept])
    }
  })

  test.each([
    ['no number', { value: 'much' }],
    ['no value', { value: null }],
    ['a step of a half', { step: 0.5 }],
    ['a step beyond 2^53', { step: '99999999999999999999' }],
    ['a time in words', { timestamp: 'now' }],
  ])('a metric with %s is refused', async (_name, fields) => {
    const { status, body } = await post('runs/log-metric', { run_id: runId, ...metric(fields) })
    expect([status, body.error_code]).toEqual([400, 'INVALID_PARAMETER_VALUE'])
  })

  test.each([
    ['half a body', '{"run_id": "'],
    ['a list', '[]'],
    ['a bare NaN', '{"run_id": "x", "value": NaN}'],
    ['a NUL', String.raw`{"run_id": "x", "key": "a\u0000b", "value": "v"}`],
    ['a body nested a hundred thousand deep', '['.repeat(100_000)],
  ])('%s is refused, never a failure of the server', async (_name, body) => {
    expect((await post('runs/set-tag', body)).status).toBe(400)
  })

  test.each(['..%2f..%2fetc%2fpasswd', 'a%2f%2e%2e%2f%2e%2e%2fb', 'a%5c..%5cb', 'a%00b', 'a//b'])(
    'the artifact path %s is refused, to write and to read',
    async (path) => {
      const url = `${app.url}/api/2.0/mlflow-artifacts/artifacts/0/${runId}/artifacts/${path}`
      expect((await fetch(url, { method: 'PUT', body: 'x' })).status).toBe(400)
      expect((await fetch(url)).status).toBe(400)
    }
  )

  test('zip and pickle files are bytes to the server, in an artifact and in a version', async () => {
    const bomb = deflateRawSync(Buffer.alloc(50 * 1024 * 1024))
    const pickle = Buffer.from('cos\nabort\n(tR.')
    for (const [name, bytes] of [
      ['model/bomb.zip', zipOf(bomb)],
      ['model/model.pkl', pickle],
    ] as const) {
      const url = `${app.url}/api/2.0/mlflow-artifacts/artifacts/0/${runId}/artifacts/${name}`
      expect((await fetch(url, { method: 'PUT', body: new Uint8Array(bytes) })).status).toBe(200)
      expect(Buffer.from(await (await fetch(url)).arrayBuffer()).equals(bytes)).toBe(true)
    }
    const listed = await get(`artifacts/list?run_id=${runId}&path=model`)
    expect(JSON.stringify(listed.body)).toContain('model/bomb.zip')
    const registered = await post('registered-models/create', { name: 'opened' })
    expect(registered.status).toBe(200)
    const source = `mlflow-artifacts:/0/${runId}/artifacts/model`
    const version = await post('model-versions/create', { name: 'opened', source, run_id: runId })
    expect(version.status).toBe(200)
  })
}

/** A local file header before deflated bytes: enough of a zip for whoever would open it. */
function zipOf(deflated: Buffer): Buffer {
  const header = Buffer.alloc(30)
  header.write('PK\u0003\u0004', 'latin1')
  header.writeUInt16LE(8, 8)
  header.writeUInt32LE(deflated.length, 18)
  return Buffer.concat([header, deflated])
}
