/** The models' input: its columns, where each comes from, and the feature views behind them. */
import type { CustomerStatsRow, MerchantStatsRow } from './stats.ts'
import type { Transaction } from './transaction.ts'

/** The one column order of every model here. `view__feature` comes from the feature store. */
export const MODEL_COLUMNS = [
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
] as const

export const FEATURE_VIEWS = [
  {
    name: 'customer_stats',
    joinKey: 'customer_id',
    features: {
      avg_amount_30d: 'double',
      tx_count_24h: 'int64',
      card_age_days: 'int64',
      disputes_30d: 'int64',
    },
  },
  {
    name: 'merchant_stats',
    joinKey: 'merchant_id',
    features: { avg_amount_30d: 'double', tx_count_30d: 'int64', fraud_rate_30d: 'double' },
  },
] as const

/** One model row, in the order of `MODEL_COLUMNS`. */
export function modelInput(
  transaction: Transaction,
  features: { customer: CustomerStatsRow; merchant: MerchantStatsRow }
): number[] {
  const { request } = transaction
  const { customer, merchant } = features
  return [
    request.amount,
    request.country_mismatch,
    request.hour,
    request.channel,
    request.tx_count_1h,
    customer.avg_amount_30d,
    customer.tx_count_24h,
    customer.card_age_days,
    customer.disputes_30d,
    merchant.avg_amount_30d,
    merchant.tx_count_30d,
    merchant.fraud_rate_30d,
  ]
}
