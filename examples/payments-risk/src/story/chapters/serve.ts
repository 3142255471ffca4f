import { MODEL_COLUMNS } from '../../features.ts'
import { expectThat } from '../expect-that.ts'
import { ENDPOINT, MODEL, MONITOR, type Stage } from '../stage.ts'
import type { TrainingRow } from '../payments.ts'

/** The champion goes online behind a stable name, and a monitor knows what the training data looked like. */
export async function createEndpoint(
  { client, teller }: Stage,
  training: readonly TrainingRow[]
): Promise<void> {
  const endpoint = await client.serving.createEndpoint({
    name: ENDPOINT,
    model: `${MODEL}@champion`,
    variant: 'v1',
    featureService: 'payment_features',
    stickyKey: 'customer_id',
  })
  teller.say(
    `endpoint "${endpoint.name}" serves ${MODEL} version ${endpoint.variants[0]?.model.version ?? '–'} as ${endpoint.variants[0]?.name ?? '–'}`
  )
  await client.monitoring.putMonitor({
    name: MONITOR,
    endpoint: ENDPOINT,
    reference: { kind: 'dataset', rows: training.map((row) => ({ ...row })) },
    // The hour of day is no feature to watch over windows that are shorter than a day.
    columns: MODEL_COLUMNS.filter((column) => column !== 'hour'),
    watchOutputs: false,
    window: { kind: 'rows', rows: 500 },
    alertWhen: { drifted: 2, of: 2 },
  })
  teller.say(
    `monitor "${MONITOR}" compares every 500 predictions with ${training.length} training rows`
  )
}

/** The first live payments: scored in one call each, with features that the caller never sees. */
export async function serveLiveTraffic({ client, teller, payments }: Stage): Promise<void> {
  const count = 1_000
  const began = performance.now()
  const scored = await payments.send(count, (sent) => teller.progress('payments', sent, count))
  const seconds = (performance.now() - began) / 1000
  await payments.reportLabels(scored)
  const frauds = scored.filter(({ transaction }) => transaction.label.is_fraud === 1)
  const mean = (list: typeof scored): number =>
    list.reduce((sum, { score }) => sum + score, 0) / list.length
  teller.say(
    `${count} payments in ${seconds.toFixed(1)} s; mean score ${mean(scored).toFixed(3)}, of the ${frauds.length} frauds ${mean(frauds).toFixed(3)}`
  )
  expectThat(mean(frauds) > 1.5 * mean(scored), 'the model does not tell fraud from the rest')
  const v1 = await countedAs(client, count)
  expectThat(v1.errors === 0, 'v1 answered with errors')
  teller.say(
    `server side: ${v1.requests} requests, p95 ${v1.latency.p95?.toFixed(1) ?? '–'} ms, ${v1.errors} errors`
  )
}

/** What the server counted, once the inference log has all of it: it is written every tenth of a second. */
async function countedAs(client: Stage['client'], count: number) {
  for (let attempt = 0; attempt < 50; attempt++) {
    const { items } = await client.monitoring.listArms({ endpoint: ENDPOINT })
    const live = items.find((arm) => arm.variant === 'v1' && arm.role === 'live')
    if (live !== undefined && live.requests >= count) return live
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`The story broke: the server did not count ${count} requests`)
}
