import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createClient } from '@trestle/sdk'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { sampleEvent } from '../../src/modules/monitoring/test/sample-event.ts'
import type { InferenceCompleted } from '../../src/modules/serving/index.ts'
import { createDuckDb } from '../../src/platform/duckdb/index.ts'
import { createTopic } from '../../src/platform/events/topic.ts'
import { startTestApp } from '../support/app.ts'

const completed = createTopic<InferenceCompleted>('completed', (error) => {
  throw error
})
let app: Awaited<ReturnType<typeof startTestApp>>
let client: ReturnType<typeof createClient>

beforeAll(async () => {
  app = await startTestApp({}, { completed })
  client = createClient({ url: app.url })
})
afterAll(() => app.stop())

async function mlflow<T>(path: string, body: unknown): Promise<T> {
  const answer = await fetch(`${app.url}/api/2.0/mlflow/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  expect(answer.status).toBe(200)
  return (await answer.json()) as T
}

/** A run with a training set of 2,000 rows: amounts from 0 to 100, a column that is not served, a date and a decimal. */
async function runWithTrainingSet(): Promise<string> {
  const { run } = await mlflow<{ run: { info: { run_id: string; artifact_uri: string } } }>(
    'runs/create',
    { experiment_id: '0', start_time: 1 }
  )
  const duckdb = createDuckDb({
    temporaryDir: join(app.dataDir, 'tmp', 'test'),
    memoryLimit: '256MB',
    threads: 1,
  })
  const file = join(app.dataDir, 'train.parquet')
  await duckdb.run(
    `COPY (SELECT (i * 37 % 1000) / 10.0::DOUBLE AS amount, 'NL' AS country, i AS row_number, DATE '2026-01-01' AS day,
       1.5::DECIMAL(5, 2) AS price FROM range(2000) t(i)) TO '${file}' (FORMAT parquet)`
  )
  await duckdb.stop()
  const root = run.info.artifact_uri.replace('mlflow-artifacts:/', '')
  const put = await fetch(
    `${app.url}/api/2.0/mlflow-artifacts/artifacts/${root}/data/train.parquet`,
    { method: 'PUT', body: await readFile(file) }
  )
  expect(put.status).toBe(200)
  return run.info.run_id
}

test('the training set of a run is the reference: what it does not share with the log is told, not alarmed about', async () => {
  const runId = await runWithTrainingSet()
  const spec = {
    endpoint: 'fraud',
    window: { kind: 'rows', rows: 100 },
    watchOutputs: false,
  } as const
  const made = await client.monitoring.putMonitor({
    ...spec,
    name: 'trained',
    reference: { kind: 'run', runId },
  })
  expect(made).toMatchObject({ state: 'waiting', referenceRows: 2_000 })
  for (let i = 0; i < 200; i++)
    completed.publish(
      sampleEvent({
        predictionId: `p${i}`,
        at: Date.now() - 5_000 + i,
        inputs: [
          { name: 'amount', type: 'float', values: [((i * 37) % 100) + (i < 100 ? 0 : 60)] },
          { name: 'country', type: 'string', values: ['NL'] },
          { name: 'extra', type: 'float', values: [i] },
        ],
      })
    )
  await vi.waitFor(async () => {
    const { items } = await client.monitoring.listPredictions({ limit: 1_000 })
    expect(items.length).toBe(200)
  })
  const { reports } = await client.monitoring.evaluateMonitor({ name: 'trained' })
  expect(reports[0]?.driftedColumns).toEqual(['amount'])
  const column = (name: string) => reports[0]?.columnReports.find((c) => c.column === name)
  expect(column('country')).toMatchObject({ state: 'ok' })
  expect(column('row_number')).toMatchObject({ state: 'insufficient', finding: 'not in the log' })
  expect(column('extra')).toMatchObject({ state: 'insufficient', finding: 'not in the reference' })

  await mlflow('runs/log-inputs', {
    run_id: runId,
    datasets: [
      {
        dataset: {
          name: 'train',
          digest: 'd',
          source_type: 'http',
          source: JSON.stringify({ uri: `runs:/${runId}/data/train.parquet` }),
        },
        tags: [{ key: 'mlflow.data.context', value: 'training' }],
      },
    ],
  })
  const byDataset = { ...spec, name: 'by-dataset', reference: { kind: 'run', runId } as const }
  expect(await client.monitoring.putMonitor(byDataset)).toMatchObject({ referenceRows: 2_000 })
})

test('a reference that is not there, or can be no reference, is refused with what to do', async () => {
  const put = (reference: Parameters<typeof client.monitoring.putMonitor>[0]['reference']) =>
    client.monitoring.putMonitor({
      name: 'refused',
      endpoint: 'fraud',
      reference,
      window: { kind: 'rows', rows: 100 },
    })
  await expect(put({ kind: 'run', runId: 'nothing' })).rejects.toMatchObject({ status: 404 })
  const { run } = await mlflow<{ run: { info: { run_id: string } } }>('runs/create', {
    experiment_id: '0',
    start_time: 1,
  })
  const empty = { kind: 'run', runId: run.info.run_id } as const
  await expect(put(empty)).rejects.toThrow(/no Parquet or CSV artifact/)
  await expect(put({ ...empty, path: 'x.parquet' })).rejects.toMatchObject({ status: 404 })
  await expect(put({ kind: 'training-set', name: 'none' })).rejects.toMatchObject({ status: 404 })
  await expect(put({ kind: 'hour-of-week' })).rejects.toThrow(/divides a week/)
  await expect(client.monitoring.getMonitor({ name: 'refused' })).rejects.toMatchObject({
    status: 404,
  })
})
