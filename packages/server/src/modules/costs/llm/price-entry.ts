import type { Money } from '../../../kernel/money.ts'
import { inputTokens, type Meter, type Usage } from '../../serving/index.ts'
import { convertPrice, parseUnitPrice, priceOf, type UnitPrice } from './unit-price.ts'

/** Prices by meter, per token or piece, as decimal text. `request` is charged once a call. */
export type PriceList = Readonly<Partial<Record<Meter | 'request', string>>>

/**
 * Prices of calls with more input than a bound. All or nothing: one tier prices the whole call. A call of exactly `above` tokens is below the bound,
 * unless `isInclusive` (xAI's). What a tier does not name keeps the price of the entry.
 */
export type PriceTier = Readonly<{ above: number; isInclusive: boolean; prices: PriceList }>

/** How a provider lets calls wait or hurry. */
export type ServiceTier = 'batch' | 'flex' | 'priority'

/** What one provider asks for one model, from when to when. */
export type PriceEntry = Readonly<{
  /** Empty: whoever serves it. */
  provider: string
  model: string
  prices: PriceList
  tiers: readonly PriceTier[]
  serviceTiers: Readonly<
    Partial<Record<ServiceTier, { prices: PriceList; tiers: readonly PriceTier[] }>>
  >
  currency: string
  /** Dollars for one of `currency`; "1" for USD. */
  usdPerCurrency: string
  validFrom: number
  validTo: number | null
  source: string
  maxInputTokens: number | null
  maxOutputTokens: number | null
}>

export type LinePrice = Readonly<{ meter: Meter | 'request'; quantity: number; usd: Money | null }>

export type CallPrice = Readonly<{
  lines: readonly LinePrice[]
  /** Null when a line has no price: a part is not the whole. */
  usd: Money | null
  /** Whether a price stood in for one that the entry lacks. */
  isApproximate: boolean
}>

/** What stands in for a price that an entry does not name. Reasoning is output by every provider's own rule; the others are a guess. */
const STAND_INS: Readonly<Partial<Record<Meter | 'request', { meter: Meter; isRule: boolean }>>> = {
  reasoning: { meter: 'output', isRule: true },
  cache_read: { meter: 'input', isRule: false },
  cache_write_5m: { meter: 'input', isRule: false },
  cache_write_1h: { meter: 'cache_write_5m', isRule: false },
  input_image: { meter: 'input', isRule: true },
  input_audio: { meter: 'input', isRule: false },
}

/** Prices a call to the last digit. */
export function priceCall(
  entry: PriceEntry,
  usage: Usage,
  options: { serviceTier?: ServiceTier | null } = {}
): CallPrice {
  const prices = pricesFor(entry, inputTokens(usage), options.serviceTier ?? null)
  const rate = parseUnitPrice(entry.usdPerCurrency)
  let isApproximate = false
  const unitOf = (meter: Meter | 'request'): UnitPrice | null => {
    const text = prices[meter]
    if (text !== undefined) {
      const unit = parseUnitPrice(text)
      if (unit === null || rate === null) return null
      return entry.usdPerCurrency === '1' ? unit : convertPrice(unit, rate)
    }
    const standIn = STAND_INS[meter]
    if (standIn === undefined) return null
    const unit = unitOf(standIn.meter)
    if (unit !== null && !standIn.isRule) isApproximate = true
    return unit
  }
  const lines: LinePrice[] = Object.entries(usage).map(([meter, quantity]) => {
    const unit = unitOf(meter as Meter) // the keys of a usage are meters
    return { meter: meter as Meter, quantity, usd: unit === null ? null : priceOf(quantity, unit) }
  })
  const perRequest = prices.request === undefined ? null : unitOf('request')
  if (perRequest !== null)
    lines.push({ meter: 'request', quantity: 1, usd: priceOf(1, perRequest) })
  const isWhole = lines.every(({ usd }) => usd !== null)
  return {
    lines,
    usd: isWhole ? lines.reduce((sum, { usd }) => sum + (usd ?? 0n), 0n) : null,
    isApproximate,
  }
}

/** The prices that stand for a call of so many input tokens: the highest tier that it crosses over the entry's own. */
function pricesFor(entry: PriceEntry, tokens: number, tier: ServiceTier | null): PriceList {
  const base = withTier(entry.prices, entry.tiers, tokens)
  const service = tier === null ? undefined : entry.serviceTiers[tier]
  return service === undefined
    ? base
    : { ...base, ...withTier(service.prices, service.tiers, tokens) }
}

function withTier(base: PriceList, tiers: readonly PriceTier[], tokens: number): PriceList {
  const crossed = tiers
    .filter(({ above, isInclusive }) => (isInclusive ? tokens >= above : tokens > above))
    .toSorted((a, b) => b.above - a.above)[0]
  return crossed === undefined ? base : { ...base, ...crossed.prices }
}

/** The service tier in a provider's word for it. OpenAI says `default` and `auto`, Anthropic `standard`: those have the plain price. */
export const serviceTierOf = (word: string | null): ServiceTier | null =>
  word === 'batch' || word === 'flex' || word === 'priority' ? word : null
