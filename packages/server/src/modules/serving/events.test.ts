import { afterAll, beforeAll, expect, test } from 'vitest'
import { createManualClock, systemClock } from '../../kernel/clock.ts'
import { openSqlite } from '../../../test/support/databases.ts'
import { createScheduler } from '../../platform/jobs/scheduler.ts'
import { silentLogger } from '../../platform/telemetry/logger.ts'
import { createMetrics } from '../../platform/telemetry/metrics.ts'
import { createHttp } from '../../platform/http/index.ts'
import {
  createServing,
  servingMigrations,
  type FeatureReader,
  type InferenceCompleted,
} from './index.ts'
import { fixtureModels } from './test/fixtures.ts'

/** Features of customers: their age and score, as of a set time. */
const features: FeatureReader = {
  online: ({ rows }) => ({
    names: ['customers__age', 'customers__score'],
    values: rows.map((row) => (row['customer_id'] === 'c1' ? [0.5, 2.0] : [0.5, null])),
    eventTimes: rows.map(() => [1_000, 2_000]),
  }),
  serviceSchema: async () => ({
    entities: [{ key: 'customer_id', type: 'string' }],
    features: [
      { name: 'age', type: 'float' },
      { name: 'score', type: 'float' },
    ],
  }),
}

const opened = await openSqlite()
const clock = createManualClock(5_000)
const serving = createServing({
  database: opened.database,
  clock,
  scheduler: createScheduler({ log: silentLogger() }),
  metrics: createMetrics(),
  log: silentLogger(),
  models: fixtureModels,
  features,
  version: 'test',
})
const events: InferenceCompleted[] = []
const http = createHttp({
  log: silentLogger(),
  clock: systemClock,
  limits: { maxBodyBytes: 1e6, requestTimeoutMs: 10_000 },
})
let onEvent = (): void => undefined
/** Resolves when that many predictions have been told of. */
const told = async (count: number): Promise<void> => {
  while (events.length < count) await new Promise<void>((resolve) => (onEvent = resolve))
}

beforeAll(async () => {
  await opened.database.migrate([servingMigrations])
  http.addHook('onRequest', async (request) => {
    request.project = 'p'
    request.principal = { actor: 't', keyId: 'key_1', role: 'admin', project: null }
  })
  serving.routes(http)
  serving.completed.subscribe((event) => {
    events.push(event)
    onEvent()
  })
  await http.inject({
    method: 'POST',
    url: '/api/endpoints',
    payload: { name: 'fraud', model: 'fraud/1', featureService: 'fraud-v1' },
  })
})
afterAll(async () => {
  await http.close()
  await serving.stop(AbortSignal.timeout(2_000))
  await opened.database.stop(AbortSignal.timeout(2_000))
  await opened.remove()
})

const predict = async (payload: object, headers: Record<string, string> = {}) => {
  events.length = 0
  const response = await http.inject({
    method: 'POST',
    url: '/endpoints/fraud/predict',
    payload,
    headers,
  })
  return response
}

test('columns that a row lacks come from the feature service, and the event says what was used', async () => {
  const response = await predict({ customer_id: 'c1', amount: 120.5 }, { 'x-request-id': 'r-9' })
  expect(response.json()).toMatchObject({ outputs: { label: 1 } })
  await told(1)
  expect(events).toHaveLength(1)
  const [event] = events
  expect(event).toMatchObject({
    predictionId: response.json<{ predictionId: string }>().predictionId,
    requestId: 'r-9',
    project: 'p',
    endpoint: 'fraud',
    variant: 'v1',
    model: { name: 'fraud', version: 1 },
    role: 'live',
    pairedWith: null,
    at: 5_000,
    status: 'ok',
    errorCode: null,
    stickyKey: 'c1',
    apiKeyId: 'key_1',
    entities: { customer_id: 'c1' },
    rows: 1,
    oldestFeatureAt: 1_000,
  })
  expect(
    event!.inputs.map((column) => [column.name, column.type, [...Array.from(column.values)]])
  ).toEqual([
    ['amount', 'float', [120.5]],
    ['age', 'float', [0.5]],
    ['score', 'float', [2]],
  ])
  expect(event!.outputs.map((column) => column.name)).toEqual([
    'label',
    'probabilities.0',
    'probabilities.1',
  ])
})

test('a feature without a value is NaN to the model, and logged so', async () => {
  const response = await predict({ customer_id: 'c2', amount: 1 })
  expect(response.statusCode).toBe(200)
  await told(1)
  expect(events[0]!.inputs.find((column) => column.name === 'score')!.values[0]).toBeNaN()
})

test('a refused request is told of as refused, which is no fault of the variant', async () => {
  const response = await predict({ amount: 1 })
  expect(response.statusCode).toBe(400)
  expect(response.json()).toMatchObject({ details: { entity: 'customer_id' } })
  await told(1)
  expect(events).toMatchObject([{ status: 'rejected', errorCode: 'request.invalid', inputs: [] }])
})

test('a shadow gets the same inputs and is paired with the answer it copies', async () => {
  await serving.addVariant('p', 'fraud', { variant: 'next', model: 'fraud/2' })
  const traffic = {
    salt: 's',
    weights: [{ variant: 'v1', basisPoints: 10_000 }],
    shadows: [{ variant: 'next', share: 1 }],
  }
  await serving.setTraffic('p', 'fraud', traffic, 'test')
  await predict({ customer_id: 'c1', amount: 120.5 })
  await told(2)
  const [live, shadow] = events
  expect(live).toMatchObject({ role: 'live', variant: 'v1' })
  expect(shadow).toMatchObject({
    role: 'shadow',
    variant: 'next',
    model: { version: 2 },
    pairedWith: live!.predictionId,
    status: 'ok',
  })
  expect(shadow!.predictionId).not.toBe(live!.predictionId)
  expect(shadow!.inputs).toEqual(live!.inputs)
})

test('what is declared twice changes once', async () => {
  const declared = { endpoints: [{ name: 'second', model: 'fraud/1' }] }
  const apply = async (body: object) => {
    const response = await http.inject({ method: 'POST', url: '/api/serving/apply', payload: body })
    return response.json<{ changes: { kind: string }[] }>().changes.map(({ kind }) => kind)
  }
  expect(await apply({ ...declared, dryRun: true })).toEqual(['create'])
  expect(await apply(declared)).toEqual(['create'])
  expect(await apply(declared)).toEqual(['unchanged'])
  expect(
    await apply({
      endpoints: [{ name: 'second' }, { name: 'fraud', featureService: 'fraud-v1' }],
      prune: true,
    })
  ).toEqual(['unchanged', 'unchanged'])
  expect(
    await apply({ endpoints: [{ name: 'fraud', featureService: 'fraud-v1' }], prune: true })
  ).toEqual(['unchanged', 'delete'])
})

test('predictions go on when the database is away', async () => {
  await opened.database.stop(AbortSignal.timeout(2_000))
  const response = await predict({ customer_id: 'c1', amount: 120.5 })
  expect(response.json()).toMatchObject({ outputs: { label: 1 } })
})
