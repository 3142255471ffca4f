import { createClient } from '@trestle/sdk'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'

let app: Awaited<ReturnType<typeof startTestApp>>
beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app.stop())

test('the SDK tracks a run and reads MLflow’s refusals by their codes', async () => {
  const { tracking } = createClient({ url: app.url })
  const { experiment_id } = await tracking.createExperiment({ name: 'sdk' })
  await expect(tracking.createExperiment({ name: 'sdk' })).rejects.toMatchObject({
    code: 'resource.already_exists',
    status: 400,
  })
  await expect(tracking.getRun({ run_id: 'f'.repeat(32) })).rejects.toMatchObject({
    code: 'resource.not_found',
    status: 404,
  })
  const { run } = await tracking.createRun({ experiment_id, run_name: 'first' })
  await tracking.logBatch({
    run_id: run.info.run_id,
    metrics: [{ key: 'auc', value: 0.9, timestamp: 1 }],
    params: [{ key: 'depth', value: '3' }],
  })
  const found = await tracking.searchRuns({
    experiment_ids: [experiment_id],
    filter: "metrics.auc > 0.5 AND params.depth = '3'",
  })
  expect(found.runs).toMatchObject([{ info: { run_name: 'first' } }])
})
