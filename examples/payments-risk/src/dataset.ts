/**
 * The data sets that the models are trained and judged on. All come from one stream: a warm-up that
 * fills the windows, a training window, and the live traffic that follows it.
 */
import { modelInput } from './features.ts'
import { createSimulator } from './simulator.ts'
import type { CustomerStatsRow, MerchantStatsRow } from './stats.ts'
import type { Transaction } from './transaction.ts'

const DAY_MS = 86_400_000

export type DatasetOptions = Readonly<{
  seed: number
  startTime: number
  customers: number
  merchants: number
  warmUpDays: number
  trainingRows: number
  liveRows: number
}>

/** What the models in `models/` were trained on. */
export const DEFAULT_DATASET: DatasetOptions = {
  seed: 7,
  startTime: Date.UTC(2026, 0, 5),
  customers: 2_000,
  merchants: 200,
  warmUpDays: 30,
  trainingRows: 40_000,
  liveRows: 20_000,
}

/** A payment joined with features. `input` follows `MODEL_COLUMNS`. */
export type Example = Readonly<{ transaction: Transaction; input: readonly number[] }>

export type Dataset = Readonly<{
  /** Joined point in time: what each payment would have met when it happened. */
  training: Example[]
  /**
   * The same payments joined the wrong way, as a careless warehouse export does it: every payment gets
   * the row its entities have at the end of the window, when its own dispute is already counted, and
   * averages come in cents. The harmful model is trained on it.
   */
  careless: Example[]
  /** The payments after the training window, joined point in time. */
  live: Example[]
  /** All rows published until the end of the training window, in order of time. */
  customerStats: CustomerStatsRow[]
  merchantStats: MerchantStatsRow[]
}>

export function makeDataset(options: DatasetOptions): Dataset {
  const simulator = createSimulator(options)
  const collect = (rows: number): Example[] =>
    Array.from({ length: rows }, () => {
      const transaction = simulator.next()
      return { transaction, input: modelInput(transaction, simulator.latestFeatures(transaction)) }
    })
  const warmUpEnds = options.startTime + options.warmUpDays * DAY_MS
  while (simulator.next().event_timestamp < warmUpEnds) continue
  const training = collect(options.trainingRows)
  const careless = training.map(({ transaction }) => ({
    transaction,
    input: carelessInput(transaction, simulator.latestFeatures(transaction)),
  }))
  const history = simulator.drainFeatureRows()
  return { training, careless, live: collect(options.liveRows), ...history }
}

function carelessInput(
  transaction: Transaction,
  latest: { customer: CustomerStatsRow; merchant: MerchantStatsRow }
): number[] {
  return modelInput(transaction, {
    customer: { ...latest.customer, avg_amount_30d: inCents(latest.customer.avg_amount_30d) },
    merchant: { ...latest.merchant, avg_amount_30d: inCents(latest.merchant.avg_amount_30d) },
  })
}

function inCents(amount: number): number {
  return Math.round(amount * 100)
}
