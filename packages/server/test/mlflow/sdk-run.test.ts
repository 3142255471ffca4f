import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createClient, startRun, withRun, type TrestleClient } from '@trestle/sdk'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'

const MODEL = new URL('../../../../examples/payments-risk/models/v1.onnx', import.meta.url)

let app: Awaited<ReturnType<typeof startTestApp>>
let client: TrestleClient
beforeAll(async () => {
  app = await startTestApp()
  client = createClient({ url: app.url })
})
afterAll(() => app.stop())

const history = async (run_id: string, metric_key: string) =>
  (await client.tracking.getMetricHistory({ run_id, metric_key, max_results: 25_000 })).metrics ??
  []

test('what a run logs arrives whole and in order, in few calls', async () => {
  let calls = 0
  const counting = createClient({
    url: app.url,
    fetch: (input, init) => {
      if (input instanceof URL || typeof input === 'string')
        calls += String(input).includes('log-batch') ? 1 : 0
      return fetch(input, init)
    },
  })
  const run = await startRun(counting, {
    experiment: 'sdk runs',
    name: 'first',
    params: { depth: 6, fast: true },
    tags: { team: 'risk' },
    metrics: ['loss', 'auc'],
  })
  for (let i = 0; i < 5_000; i++) run.log({ loss: 1 / (i + 1) })
  run.log({ auc: 0.9, loss: NaN }, { step: 7_000 })
  run.logParams(Object.fromEntries(Array.from({ length: 250 }, (_, i) => [`p${i}`, i])))
  run.setTags({ done: 'nearly' })
  await run.end()
  await run.end() // once is enough, twice does no harm
  expect(calls).toBeLessThan(15)
  const points = await history(run.id, 'loss')
  expect(points.map((p) => p.step)).toEqual([...Array.from({ length: 5_000 }, (_, i) => i), 7_000])
  const { run: kept } = await client.tracking.getRun({ run_id: run.id })
  expect(kept.info).toMatchObject({ status: 'FINISHED', run_name: 'first' })
  expect(kept.data.params).toHaveLength(252)
  expect(kept.data.tags).toEqual(expect.arrayContaining([{ key: 'done', value: 'nearly' }]))
  expect(() => run.log({ loss: 1 })).toThrow('has ended')
})

test('a run brings its data, files and model, and lineage leads from one to the other', async () => {
  const bytes = await readFile(MODEL)
  const version = await withRun(client, { experiment: 'sdk runs' }, async (run) => {
    run.log({ auc: 0.91 })
    await run.logDataset({
      name: 'payments',
      digest: createHash('sha256').update('x').digest('hex').slice(0, 8),
      context: 'training',
      schema: { amount: 'double' },
    })
    await run.logArtifact('notes/näme #1.txt', 'hello')
    await run.flush()
    return run.logModel('sdk-model', bytes, { description: 'from TypeScript' })
  })
  expect(version).toMatchObject({ version: 1, status: 'READY', description: 'from TypeScript' })
  expect(version.lineage.run?.metrics).toEqual({ auc: 0.91 })
  expect(version.lineage.datasets).toMatchObject([{ name: 'payments', context: 'training' }])
  const { files = [] } = await client.tracking.listArtifacts({
    run_id: version.runId ?? '',
    path: 'notes',
  })
  expect(files.map((f) => f.path)).toEqual(['notes/näme #1.txt'])
})

test('a run whose work throws has failed, and a refusal comes out at the next flush', async () => {
  let id = ''
  await expect(
    withRun(client, {}, async (run) => {
      id = run.id
      run.log({ m: 1 })
      throw new Error('boom')
    })
  ).rejects.toThrow('boom')
  expect((await client.tracking.getRun({ run_id: id })).run.info.status).toBe('FAILED')
  expect(await history(id, 'm')).toHaveLength(1)
  const run = await startRun(client, { params: { p: 1 } })
  run.logParams({ p: 2 })
  await expect(run.flush()).rejects.toThrow(/Changing param values/)
  await run.flush()
  await run.end()
  await using again = await startRun(client, { resume: run.id })
  expect(again.id).toBe(run.id)
})

test('a network that fails for a moment loses nothing and doubles nothing', async () => {
  let failures = 2
  const shaky = createClient({
    url: app.url,
    fetch: async (input, init) => {
      const answer = await fetch(input, init)
      // The server has written it, the answer is lost.
      if (typeof input === 'string' && input.includes('log-batch') && failures-- > 0)
        throw new TypeError('socket hang up')
      return answer
    },
  })
  const run = await startRun(shaky)
  for (let i = 0; i < 900; i++) run.log({ m: i })
  await run.end()
  expect(await history(run.id, 'm')).toHaveLength(900)
})

test('metrics that were not named are refused by the compiler', async () => {
  const run = await startRun(client, { metrics: ['loss'] })
  // @ts-expect-error only `loss` was named
  run.log({ accuracy: 1 })
  await run.end()
})
