/** What the payments service needs from Trestle, as code: `trestle apply trestle.config.ts`. */
import { defineEntity, defineFeatureService, defineFeatureView, f, source } from '@trestle/sdk'

export const customer = defineEntity(
  'customer',
  { customer_id: f.string() },
  { owner: 'payments@example.com' }
)
export const merchant = defineEntity(
  'merchant',
  { merchant_id: f.string() },
  { owner: 'payments@example.com' }
)

/** What is known of a card holder. Published by the statistics job whenever it changes. */
export const customerStats = defineFeatureView({
  name: 'customer_stats',
  description: 'Spending habits and disputes of a customer',
  entities: [customer],
  ttl: '120d',
  source: source.push('customer_stats_stream'),
  features: {
    avg_amount_30d: f.float64().describe('Mean amount of the last 30 days, in euros'),
    tx_count_24h: f.int64().describe('Payments in the last 24 hours'),
    card_age_days: f.int64().describe('Days since the card was issued'),
    disputes_30d: f.int64().describe('Payments disputed in the last 30 days'),
  },
})

/** What is known of a shop. */
export const merchantStats = defineFeatureView({
  name: 'merchant_stats',
  description: 'Trade and known fraud of a merchant',
  entities: [merchant],
  ttl: '120d',
  source: source.push('merchant_stats_stream'),
  features: {
    avg_amount_30d: f.float64().describe('Mean amount of the last 30 days, in euros'),
    tx_count_30d: f.int64().describe('Payments in the last 30 days'),
    fraud_rate_30d: f.float64().describe('Share of payments known to be fraud, last 30 days'),
  },
})

/** Everything that the score reads of the store. The models were trained on exactly this. */
export const paymentFeatures = defineFeatureService({
  name: 'payment_features',
  description: 'Features of a card payment',
  features: [customerStats.as('customer_stats', {}), merchantStats.as('merchant_stats', {})],
})
