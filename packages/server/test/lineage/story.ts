import { readFile } from 'node:fs/promises'
import { createClient } from '@trestle/sdk'

const MODEL = new URL('../../../../examples/payments-risk/models/v1.onnx', import.meta.url)
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

export const COMMIT = '9fceb02d0ae598e95dc970b74767f19372d61af8'

/** One model from its commit to its monitor, made as its users make it: a run of a commit that read a data set, two versions, a feature service, an endpoint, a monitor. */
export async function tellStory(url: string): Promise<{ runId: string; experimentId: string }> {
  const client = createClient({ url })
  const { experiment_id } = await client.tracking.createExperiment({ name: 'fraud training' })
  const { run } = await client.tracking.createRun({
    experiment_id,
    run_name: 'deep trees',
    user_id: 'ada',
    tags: [
      { key: 'mlflow.source.git.commit', value: COMMIT },
      { key: 'mlflow.source.git.repoURL', value: 'https://example.com/fraud.git' },
      { key: 'mlflow.source.git.branch', value: 'main' },
    ],
  })
  const runId = run.info.run_id
  await client.tracking.logBatch({
    run_id: runId,
    metrics: [{ key: 'auc', value: 0.91, timestamp: 1_000, step: 0 }],
    params: [{ key: 'depth', value: '6' }],
  })
  await client.request({
    method: 'POST',
    path: '/api/2.0/mlflow/runs/log-inputs',
    body: {
      run_id: runId,
      datasets: [
        {
          tags: [{ key: 'mlflow.data.context', value: 'training' }],
          dataset: {
            name: 'payments',
            digest: 'd41d8cd9',
            source_type: 'local',
            source: '{"uri": "payments.csv"}',
            schema: '{"mlflow_colspec": [{"type": "double", "name": "amount"}]}',
          },
        },
      ],
    },
  })
  await client.features.apply({
    manifest: {
      entities: [{ name: 'customer', keys: [{ name: 'customer_id', type: 'string' }] }],
      views: [
        {
          name: 'customer_stats',
          entities: ['customer'],
          features: [{ name: 'avg_amount_30d', type: 'float64' }],
          pushSource: 'customer_events',
        },
      ],
      services: [
        {
          name: 'fraud_features',
          features: [
            { view: 'customer_stats', features: ['avg_amount_30d'], alias: 'customer_stats' },
          ],
        },
      ],
    },
    dryRun: false,
  })
  await client.tracking.updateRun({ run_id: runId, status: 'FINISHED', end_time: 5_000_000 })
  for (const tag of ['a', 'b'])
    await client.uploadModel('fraud', await readFile(MODEL), {
      runId,
      description: `Trees, ${tag}`,
      tags: { attempt: tag },
      featureService: 'fraud_features',
      signature: {
        inputs: COLUMNS.map((name) => ({ name, type: 'float' })),
        outputs: [
          { name: 'label', type: 'long' },
          { name: 'score', type: 'float' },
        ],
      },
    })
  await client.serving.createEndpoint({ name: 'fraud', model: 'fraud/1' })
  await client.monitoring.putMonitor({
    name: 'fraud-inputs',
    endpoint: 'fraud',
    reference: { kind: 'first', rows: 100 },
    window: { kind: 'rows', rows: 100 },
  })
  return { runId, experimentId: experiment_id }
}
