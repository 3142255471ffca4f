import { createClient } from '@trestle/sdk'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startTestApp } from '../../../test/support/app.ts'
import { createTopic } from '../../platform/events/topic.ts'
import type { InferenceCompleted } from '../serving/index.ts'
import { sampleEvent } from './test/sample-event.ts'

const completed = createTopic<InferenceCompleted>('completed', (error) => {
  throw error
})
let app: Awaited<ReturnType<typeof startTestApp>>
let client: ReturnType<typeof createClient>

beforeAll(async () => {
  app = await startTestApp({}, { completed })
  client = createClient({ url: app.url })
  for (let i = 0; i < 300; i++)
    completed.publish(
      sampleEvent({
        predictionId: `p${String(i).padStart(3, '0')}`,
        at: Date.now() - 300 + i,
        inputs: [{ name: 'amount', type: 'float', values: [i === 299 ? NaN : (i * 37) % 101] }],
      })
    )
  await vi.waitFor(async () => {
    const { items } = await client.monitoring.listPredictions({ limit: 1000 })
    expect(items.length).toBe(300)
  })
})
afterAll(() => app.stop())

test('predictions page and filter, and what JSON cannot hold comes as text', async () => {
  const first = await client.monitoring.listPredictions({ limit: 200, endpoint: 'fraud' })
  expect(first.items[0]).toMatchObject({ predictionId: 'p299', inputs: { amount: 'NaN' } })
  const second = await client.monitoring.listPredictions({
    limit: 200,
    pageToken: first.nextPageToken ?? '',
  })
  expect(second.items.length).toBe(100)
  expect((await client.monitoring.listPredictions({ id: 'p007' })).items.length).toBe(1)
  expect((await client.monitoring.listPredictions({ variant: 'v9' })).items).toEqual([])
})

test('labels come one or many, and coverage tells how many', async () => {
  expect(await client.monitoring.postLabels({ predictionId: 'p001', value: 1 })).toEqual({
    accepted: 1,
    changed: 0,
    unchanged: 0,
  })
  await client.monitoring.postLabels({
    labels: [
      { predictionId: 'p001', value: 0 },
      { predictionId: 'p002', value: 1 },
    ],
  })
  expect(await client.monitoring.getLabel({ predictionId: 'p001' })).toMatchObject({
    value: 0,
    isJoined: true,
    history: [{ value: 1 }],
  })
  const { items } = await client.monitoring.getLabelCoverage({ endpoint: 'fraud' })
  expect(items).toMatchObject([{ variant: 'v1', predictions: 300, labelled: 2 }])
  const arms = await client.monitoring.listArms({ endpoint: 'fraud' })
  expect(arms.items).toMatchObject([{ variant: 'v1', requests: 300, labelled: { n: 2 } }])
})

test('a monitor on a data set judges the latest rows on demand, and apply is idempotent', async () => {
  const declared = {
    name: 'amounts',
    endpoint: 'fraud',
    reference: {
      kind: 'dataset' as const,
      rows: Array.from({ length: 300 }, (_, i) => ({ amount: 500 + ((i * 37) % 101) })),
    },
    window: { kind: 'rows' as const, rows: 200 },
  }
  const apply = async () => (await client.monitoring.apply({ monitors: [declared] })).changes
  expect(await apply()).toMatchObject([{ kind: 'create' }])
  expect(await apply()).toMatchObject([{ kind: 'unchanged' }])
  const { reports, monitor } = await client.monitoring.evaluateMonitor({ name: 'amounts' })
  expect(reports).toMatchObject([
    { state: 'drift', trigger: 'manual', rows: 200, driftedColumns: ['amount'] },
  ])
  expect(monitor).toMatchObject({ state: 'drift', referenceRows: 300 })
  const [head] = (await client.monitoring.listDrift({ monitor: 'amounts' })).items
  const report = await client.monitoring.getDrift({ id: head?.id ?? '' })
  const histogram = report.columnReports[0]?.histogram
  expect(histogram?.current.reduce((a, b) => a + b, 0)).toBe(200)
  expect(histogram?.reference.reduce((a, b) => a + b, 0)).toBe(300)
  const { html } = await client.monitoring.getDriftPage({ id: report.id })
  expect(html).toContain('1 of 1 columns drifted')
  expect(html).toContain('the reference of amounts')
})

test('any two windows or sets of rows are compared, as a document and a page', async () => {
  const now = Date.now()
  const window = { kind: 'window' as const, endpoint: 'fraud', from: now - 3_600_000, to: now + 1 }
  const rows = Array.from({ length: 300 }, (_, i) => ({ amount: 500 + ((i * 37) % 101) }))
  const moved = await client.monitoring.compareDrift({
    reference: { kind: 'rows', name: 'training', rows },
    current: window,
  })
  expect(moved.report).toMatchObject({
    kind: 'trestle.drift-report',
    state: 'drift',
    driftedColumns: ['amount'],
    reference: { name: 'training', rows: 300 },
    current: { rows: 300 },
  })
  expect(moved.html).toContain('1 of 1 columns drifted')
  const same = await client.monitoring.compareDrift({ reference: window, current: window })
  expect(same.report).toMatchObject({ state: 'ok', driftedColumns: [] })
  const none = { ...window, from: 0, to: 1 }
  expect(
    (await client.monitoring.compareDrift({ reference: window, current: none })).report
  ).toMatchObject({ state: 'insufficient', columns: [] })
})

test('the cost report of the same predictions sums to the bill', async () => {
  const report = await client.costs.getCostReport({ groupBy: 'variant,day' })
  const predictions = report.rows.reduce((sum, row) => sum + row.predictions, 0)
  expect(predictions).toBe(300)
  expect(report.rows[0]).toMatchObject({ status: 'estimated', busySeconds: 0.9 })
  const units = (text: string | null | undefined) => Math.round(Number(text) * 1e12)
  expect(units(report.bill.directUsd) + units(report.bill.idleUsd)).toBe(units(report.bill.billUsd))
})

test('rate cards and budgets are made, applied and deleted', async () => {
  const budget = { name: 'all', endpoint: null, period: 'day' as const, usd: '0.000000000001' }
  expect(await client.costs.putBudget({ ...budget, hardStop: true })).toMatchObject({
    state: 'exceeded',
  })
  const rateCards = [
    {
      name: 'own',
      device: 'cpu' as const,
      usdPerUnitHour: '0.02',
      validFrom: 0,
      source: 'invoice of November',
    },
  ]
  expect((await client.costs.apply({ rateCards, dryRun: true })).changes).toMatchObject([
    { kind: 'create' },
  ])
  await client.costs.apply({ rateCards })
  expect((await client.costs.getCostReport({})).rows[0]?.status).toBe('measured')
  await client.costs.deleteRateCard({ name: 'own' })
  await client.costs.deleteBudget({ name: 'all' })
  await expect(client.costs.deleteBudget({ name: 'all' })).rejects.toMatchObject({
    code: 'resource.not_found',
  })
})

test('receivers keep their secret, silences end', async () => {
  const receiver = await client.monitoring.putReceiver({
    name: 'ops',
    kind: 'webhook',
    url: 'https://example.com/hook',
    secret: 'a-secret-of-some-length',
  })
  expect(receiver).toMatchObject({ hasSecret: true })
  expect(JSON.stringify(await client.monitoring.listReceivers({}))).not.toContain('a-secret')
  const silence = await client.monitoring.createSilence({ endsAt: Date.now() + 60_000 })
  expect((await client.monitoring.listSilences({})).items.length).toBe(1)
  await client.monitoring.deleteSilence({ id: silence.id })
  expect((await client.monitoring.listSilences({})).items).toEqual([])
})
