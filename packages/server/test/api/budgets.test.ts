import { createClient } from '@trestle/sdk'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { fixtureModels } from '../../src/modules/serving/test/fixtures.ts'
import { startTestApp } from '../support/app.ts'

let app: Awaited<ReturnType<typeof startTestApp>>
const client = () => createClient({ url: app.url })
const row = { amount: 12.5, age: 30, score: 0.1 }
const budget = { name: 'fraud-day', endpoint: 'fraud', period: 'day' } as const

beforeAll(async () => {
  app = await startTestApp({}, { models: fixtureModels })
  await client().serving.createEndpoint({ name: 'fraud', model: 'fraud/1' })
})
afterAll(() => app.stop())

/** The ledger books every second. */
async function spent(): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const { rows } = await client().costs.getCostReport({ groupBy: 'endpoint' })
    if (rows.some(({ predictions }) => predictions > 0)) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('the prediction was never booked')
}

test('a spent budget with a hard stop refuses predictions with 429, a soft one warns, and a raised one admits again', async () => {
  await client().predict('fraud', row)
  await spent()

  const soft = await client().costs.putBudget({ ...budget, usd: '0.000000000001' })
  expect(soft.state).toBe('exceeded')
  await client().predict('fraud', row)

  await client().costs.putBudget({ ...budget, usd: '0.000000000001', hardStop: true })
  await expect(client().predict('fraud', row)).rejects.toMatchObject({
    code: 'costs.budget_exceeded',
    status: 429,
    details: { budget: 'fraud-day' },
  })
  const oip = await fetch(`${app.url}/v2/models/fraud/infer`, {
    method: 'POST',
    body: '{"inputs":[]}',
  })
  expect(oip.status).toBe(429)
  expect(await oip.json()).toMatchObject({ error: expect.stringContaining('fraud-day') })

  await client().costs.putBudget({ ...budget, usd: '1000', hardStop: true })
  await client().predict('fraud', row)
})
