/** Live card payments against the endpoint: publishes feature rows, asks for scores, and later reports which were fraud. */
import type { TrestleClient } from '@trestle/sdk'
import { createSimulator, type Simulator } from '../index.ts'
import { DEFAULT_DATASET } from '../dataset.ts'
import { MODEL_COLUMNS, modelInput } from '../features.ts'
import type { Transaction } from '../transaction.ts'

const DAY_MS = 86_400_000
const AT_ONCE = 40
/** The stream begins this long ago: far enough that the story, however fast it goes, never comes to payments of tomorrow (whose features would wait for their time), and within the features' ttl. */
const STREAM_DAYS = 115

export type Scored = Readonly<{
  transaction: Transaction
  predictionId: string
  variant: string
  score: number
}>

export interface Payments {
  readonly simulator: Simulator
  /** Sends `count` payments, `AT_ONCE` at a time, and returns what came back. Throws when one fails. */
  send(count: number, onProgress?: (sent: number) => void): Promise<Scored[]>
  /** Reports the truth about payments that were scored. A bank learns it in days; the story does not wait. */
  reportLabels(scored: readonly Scored[]): Promise<void>
}

export type History = ReturnType<Simulator['drainFeatureRows']>
/** Model inputs by column name. */
export type TrainingRow = Readonly<Record<string, number>>

const REFERENCE_EVERY = 20

/** A simulator that has lived through the warm-up and the training window, the feature history of that time, and every 20th training row as the models saw it. */
export function createWarmWorld(now: number): {
  simulator: Simulator
  history: History
  training: TrainingRow[]
} {
  const startTime = Math.floor(now / DAY_MS) * DAY_MS - STREAM_DAYS * DAY_MS
  const simulator = createSimulator({ ...DEFAULT_DATASET, startTime })
  const warmUpEnds = startTime + DEFAULT_DATASET.warmUpDays * DAY_MS
  while (simulator.next().event_timestamp < warmUpEnds) continue
  const training: TrainingRow[] = []
  for (let i = 0; i < DEFAULT_DATASET.trainingRows; i++) {
    const transaction = simulator.next()
    if (i % REFERENCE_EVERY !== 0) continue
    const input = modelInput(transaction, simulator.latestFeatures(transaction))
    training.push(Object.fromEntries(MODEL_COLUMNS.map((column, j) => [column, input[j] ?? NaN])))
  }
  return { simulator, history: simulator.drainFeatureRows(), training }
}

export function createPayments(
  client: TrestleClient,
  simulator: Simulator,
  endpoint: string
): Payments {
  const score = async (transaction: Transaction): Promise<Scored> => {
    const { customer_id, merchant_id, request } = transaction
    const answer = await client.predict(endpoint, { customer_id, merchant_id, ...request })
    return {
      transaction,
      predictionId: answer.predictionId,
      variant: answer.variant,
      score: Number(answer.outputs['score']),
    }
  }
  /** The stream job lags by one batch: a payment never sees a row that is newer than itself. */
  const publish = async ({ customerStats, merchantStats }: History): Promise<void> => {
    if (customerStats.length > 0)
      await client.features.push({
        view: 'customer_stats',
        rows: customerStats.map((row) => ({ ...row })),
      })
    if (merchantStats.length > 0)
      await client.features.push({
        view: 'merchant_stats',
        rows: merchantStats.map((row) => ({ ...row })),
      })
  }
  return {
    simulator,
    async send(count, onProgress) {
      const scored: Scored[] = []
      while (scored.length < count) {
        const batch = Array.from({ length: Math.min(AT_ONCE, count - scored.length) }, () =>
          simulator.next()
        )
        const rows = simulator.drainFeatureRows()
        scored.push(...(await Promise.all(batch.map(score))))
        await publish(rows)
        onProgress?.(scored.length)
      }
      return scored
    },
    async reportLabels(scored) {
      const labels = scored.map(({ transaction, predictionId }) => ({
        predictionId,
        value: transaction.label.is_fraud,
      }))
      for (let i = 0; i < labels.length; i += 5_000)
        await client.monitoring.postLabels({ labels: labels.slice(i, i + 5_000) })
    },
  }
}
