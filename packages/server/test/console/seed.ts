import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { createClient, type TrestleClient } from '@trestle/sdk'

const MODELS = new URL('../../../../examples/payments-risk/models/', import.meta.url)
const COLUMNS = [
  'amount',
  'country_mismatch',
  'hour',
  'channel',
  'tx_count_1h',
  'customer_stats__avg_amount_30d',
  'customer_stats__tx_count_24h',
  'customer_stats__card_age_days',
  'customer_stats__disputes_30d',
  'merchant_stats__avg_amount_30d',
  'merchant_stats__tx_count_30d',
  'merchant_stats__fraud_rate_30d',
]

/** Everything that the pages show, made the way its users make it: models, an endpoint, traffic, a monitor that drifts, a rollout, runs, features. */
export async function seed(
  url: string,
  options: { requests: number; /** A folder for files that it makes. */ scratch: string }
): Promise<{ rolloutId: string; batchJobId: string }> {
  const client = createClient({ url })
  await seedRuns(client)
  for (const version of [1, 2])
    await client.uploadModel('fraud', await readFile(new URL(`v${version}.onnx`, MODELS)), {
      description: `Gradient-boosted trees, v${version}`,
      metrics: { auc: 0.9 + version / 100, average_precision: 0.61 + version / 50 },
      signature: {
        inputs: COLUMNS.map((name) => ({ name, type: 'float' })),
        outputs: [
          { name: 'label', type: 'long' },
          { name: 'score', type: 'float' },
        ],
      },
    })
  await client.registry.setAlias({ name: 'fraud', alias: 'champion', version: 1 })
  await client.registry.setAlias({ name: 'fraud', alias: 'challenger', version: 2 })
  await client.serving.createEndpoint({ name: 'fraud', model: 'fraud@champion' })
  await client.monitoring.putMonitor({
    name: 'fraud-inputs',
    endpoint: 'fraud',
    reference: { kind: 'first', rows: Math.floor(options.requests / 4) },
    window: { kind: 'rows', rows: Math.floor(options.requests / 8) },
    alertWhen: { drifted: 1, of: 1 },
  })
  await send(client, { from: 0, to: options.requests / 2, drift: 0 })
  const rollout = await client.rollouts.createRollout({
    endpoint: 'fraud',
    model: 'fraud@challenger',
    // A busy test machine must not look like a slow model.
    gates: [{ metric: 'error-rate' }, { metric: 'nan-outputs' }],
    strategy: {
      kind: 'canary',
      shadowFirst: { bakeMs: 1_000, minRequests: 50 },
      steps: [
        { weightPercent: 10, bakeMs: 2_000, minRequests: 50 },
        { weightPercent: 50, bakeMs: 600_000, minRequests: 100 },
      ],
    },
  })
  await send(client, { from: options.requests / 2, to: options.requests, drift: 1.6 })
  await client.monitoring.evaluateMonitor({ name: 'fraud-inputs' })
  await seedFeatures(client)
  return { rolloutId: rollout.id, batchJobId: await seedBatch(client, options.scratch) }
}

/** A file of payments, scored. */
async function seedBatch(client: TrestleClient, scratch: string): Promise<string> {
  const path = join(scratch, 'payments.ndjson')
  const lines = Array.from({ length: 5_000 }, (_unused, i) => JSON.stringify(payment(i, 0)))
  await writeFile(path, lines.join('\n'))
  const { id } = await client.batch.createJob({
    model: 'fraud@champion',
    input: { path },
    output: { path: join(scratch, 'scored') },
    shardRows: 1_000,
  })
  while ((await client.batch.getJob({ id })).state !== 'done') await wait(50)
  return id
}

/** Payments from a fixed sequence; `drift` moves the amounts. Twenty at a time. */
async function send(
  client: TrestleClient,
  span: { from: number; to: number; drift: number }
): Promise<void> {
  for (let i = span.from; i < span.to; i += 20)
    await Promise.all(
      Array.from({ length: Math.min(20, span.to - i) }, (_unused, k) =>
        client.predict('fraud', payment(i + k, span.drift))
      )
    )
}

function payment(i: number, drift: number): Record<string, number> {
  const u = (k: number) => (((Math.sin(i * 12.9898 + k * 78.233) * 43_758.5453) % 1) + 1) % 1
  const values = [
    Math.exp(3 + drift * 0.5 + 0.9 * (u(1) + u(2) + u(3) - 1.5)),
    u(4) < 0.06 + drift * 0.08 ? 1 : 0,
    Math.floor(u(5) * 24),
    Math.floor(u(6) * 3),
    Math.floor(u(7) * 4),
    20 + 60 * u(8),
    Math.floor(u(9) * 8),
    Math.floor(u(10) * 2000),
    u(11) < 0.03 ? 1 : 0,
    25 + 80 * u(12),
    Math.floor(u(13) * 900),
    0.02 * u(14),
  ]
  return Object.fromEntries(COLUMNS.map((name, k) => [name, values[k] ?? 0]))
}

async function seedRuns(client: TrestleClient): Promise<void> {
  const { experiment_id } = await client.tracking.createExperiment({ name: 'fraud-training' })
  for (const [name, rate] of [
    ['shallow-trees', 0.05],
    ['deep-trees', 0.12],
  ] as const) {
    const { run } = await client.tracking.createRun({
      experiment_id,
      run_name: name,
      user_id: 'ada',
    })
    const timestamp = Date.now()
    await client.tracking.logBatch({
      run_id: run.info.run_id,
      params: [
        { key: 'learning_rate', value: String(rate) },
        { key: 'trees', value: '200' },
      ],
      metrics: Array.from({ length: 60 }, (_unused, step) => [
        { key: 'loss', value: 0.2 + 0.5 * Math.exp(-rate * step), timestamp, step },
        { key: 'auc', value: 0.94 - 0.3 * Math.exp(-rate * step), timestamp, step },
      ]).flat(),
    })
    await client.tracking.updateRun({
      run_id: run.info.run_id,
      status: 'FINISHED',
      end_time: Date.now() + 42_000,
    })
  }
}

async function seedFeatures(client: TrestleClient): Promise<void> {
  await client.features.apply({
    manifest: {
      entities: [
        { name: 'customer', keys: [{ name: 'customer_id', type: 'string' }], owner: 'payments' },
      ],
      views: [
        {
          name: 'customer_stats',
          entities: ['customer'],
          ttlMs: 86_400_000,
          description: 'What a customer did lately.',
          features: [
            {
              name: 'avg_amount_30d',
              type: 'float64',
              description: 'Mean payment of the last 30 days',
            },
            { name: 'tx_count_24h', type: 'int64', description: 'Payments in the last 24 hours' },
          ],
        },
      ],
      services: [
        {
          name: 'fraud_v1',
          features: [{ view: 'customer_stats', features: ['avg_amount_30d', 'tx_count_24h'] }],
        },
      ],
    },
  })
  await client.features.push({
    view: 'customer_stats',
    rows: Array.from({ length: 40 }, (_unused, i) => ({
      customer_id: `c${i}`,
      avg_amount_30d: 20 + i,
      tx_count_24h: i % 5,
      event_timestamp: Date.now() - i * 60_000,
    })),
  })
}
