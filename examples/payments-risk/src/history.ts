/**
 * Feature histories as an upstream warehouse would hold them: the same statistics job as the live
 * stream, run over past payments.
 */
import type { Customer, Merchant } from './population.ts'
import { createStats } from './stats.ts'
import type { CustomerStatsRow, MerchantStatsRow, Stats } from './stats.ts'
import type { Transaction } from './transaction.ts'

export type PastPayments = Readonly<{
  startTime: number
  customers: readonly Customer[]
  merchants: readonly Merchant[]
  /** In order of time. */
  transactions: Iterable<Transaction>
  /** How far to publish after the last payment; up to that payment when left out. */
  until?: number
}>

/** Rows of the `customer_stats` view in order of time. No row holds anything after its timestamp. */
export function* customerStatsHistory(past: PastPayments): Generator<CustomerStatsRow> {
  for (const rows of replay(past)) yield* rows.customerStats
}

/** Rows of the `merchant_stats` view in order of time. No row holds anything after its timestamp. */
export function* merchantStatsHistory(past: PastPayments): Generator<MerchantStatsRow> {
  for (const rows of replay(past)) yield* rows.merchantStats
}

function* replay(past: PastPayments): Generator<ReturnType<Stats['drain']>> {
  const stats = createStats(past)
  yield stats.drain()
  for (const transaction of past.transactions) {
    stats.advance(transaction.event_timestamp)
    yield stats.drain()
    stats.add(transaction)
  }
  if (past.until === undefined) return
  stats.advance(past.until)
  yield stats.drain()
}
