import { z } from 'zod'
import type { PriceEntry } from './price-entry.ts'

const prices = z.record(z.string(), z.string())
const tiers = z.array(z.object({ above: z.number(), isInclusive: z.boolean(), prices }))
const shipped = z.array(
  z.object({
    provider: z.string(),
    model: z.string(),
    prices,
    tiers: tiers.default([]),
    serviceTiers: z.record(z.string(), z.object({ prices, tiers })).default({}),
    source: z.string(),
    maxInputTokens: z.number().nullable(),
    maxOutputTokens: z.number().nullable(),
  })
)

/** The prices that come with Trestle: what is asked until a price of your own stands. Read when first needed. */
export async function readShippedPrices(): Promise<PriceEntry[]> {
  const { default: json } = await import('./shipped-prices.json', { with: { type: 'json' } })
  return shipped.parse(json).map((entry) => ({
    ...entry,
    prices: entry.prices, // keys were written by the importer
    tiers: entry.tiers,
    serviceTiers: entry.serviceTiers,
    currency: 'USD',
    usdPerCurrency: '1',
    validFrom: 0,
    validTo: null,
  }))
}
