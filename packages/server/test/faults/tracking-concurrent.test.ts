import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { createPostgres } from '../support/databases.ts'

const serverUrl = inject('postgresUrl')
describe('on SQLite', () => suite(null))
describe.skipIf(serverUrl === null)('on PostgreSQL', () => suite(serverUrl))

const CLIENTS = 200

function suite(postgres: string | null): void {
  let app: Awaited<ReturnType<typeof startTestApp>>
  let remove = async () => {}
  beforeAll(async () => {
    const database = postgres === null ? null : await createPostgres(postgres)
    remove = database?.remove ?? remove
    app = await startTestApp(database === null ? {} : { DATABASE_URL: database.url })
  })
  afterAll(async () => {
    await app.stop()
    await remove()
  })

  const post = async (path: string, body: object): Promise<unknown> => {
    const response = await fetch(`${app.url}/api/2.0/mlflow/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    const answer = await response.text()
    expect(response.status, answer).toBe(200)
    return JSON.parse(answer)
  }
  const startRun = async () => {
    const { run } = (await post('runs/create', { experiment_id: '0', start_time: 1 })) as {
      run: { info: { run_id: string } }
    }
    return run.info.run_id
  }
  const read = async (runId: string) => {
    const response = await fetch(`${app.url}/api/2.0/mlflow/runs/get?run_id=${runId}`)
    const { run } = (await response.json()) as {
      run: { data: { metrics?: { key: string; value: number }[]; params?: { key: string }[] } }
    }
    return run.data
  }
  /** What client `c` logs: a metric of its own, one that all share, a param of its own. */
  const log = (runId: string, c: number) =>
    post('runs/log-batch', {
      run_id: runId,
      metrics: [
        { key: `m${c}`, value: c, timestamp: c, step: 0 },
        { key: 'shared', value: c, timestamp: 1, step: c },
      ],
      params: [{ key: `p${c}`, value: String(c) }],
    })
  const clients = Array.from({ length: CLIENTS }, (_, c) => c)

  test('200 clients that log to one run at once lose nothing, and the latest is the greatest step', async () => {
    const runId = await startRun()
    await Promise.all(clients.map((c) => log(runId, c)))
    const { metrics = [], params = [] } = await read(runId)
    const values = new Map(metrics.map((m) => [m.key, m.value]))
    expect(clients.every((c) => values.get(`m${c}`) === c)).toBe(true)
    expect(values.get('shared')).toBe(CLIENTS - 1)
    expect(params).toHaveLength(CLIENTS)
    const history = await fetch(
      `${app.url}/api/2.0/mlflow/metrics/get-history?run_id=${runId}&metric_key=shared`
    )
    const { metrics: points } = (await history.json()) as { metrics: { step: number }[] }
    expect(points.map((p) => p.step)).toEqual(clients)
  })

  test('200 runs made and logged to at once are each whole, also when every request is sent twice', async () => {
    const runs = await Promise.all(clients.map(startRun))
    await Promise.all(runs.flatMap((runId, c) => [log(runId, c), log(runId, c)]))
    for (const [c, runId] of runs.entries()) {
      const { metrics = [], params = [] } = await read(runId)
      expect(metrics).toHaveLength(2)
      expect(params).toEqual([{ key: `p${c}`, value: String(c) }])
    }
  })
}
