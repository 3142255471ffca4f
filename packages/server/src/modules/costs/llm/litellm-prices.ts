import { z } from 'zod'
import type { Meter } from '../../serving/index.ts'
import type { PriceEntry, PriceTier, ServiceTier } from './price-entry.ts'

/** LiteLLM's `model_prices_and_context_window.json`: an entry by model name, with fields named by unit, tier and service tier. */
const table = z.record(z.string(), z.record(z.string(), z.unknown()))

const FIELDS: Readonly<Record<string, Meter | 'request'>> = {
  input_cost_per_token: 'input',
  output_cost_per_token: 'output',
  output_cost_per_reasoning_token: 'reasoning',
  cache_read_input_token_cost: 'cache_read',
  cache_creation_input_token_cost: 'cache_write_5m',
  cache_creation_input_token_cost_above_1hr: 'cache_write_1h',
  input_cost_per_audio_token: 'input_audio',
  input_cost_per_image_token: 'input_image',
  output_cost_per_audio_token: 'output_audio',
  output_cost_per_image_token: 'output_image',
  input_cost_per_request: 'request',
  input_cost_per_query: 'search_unit',
}
const SERVICE_TIERS: Readonly<Record<string, ServiceTier>> = {
  batches: 'batch',
  batch: 'batch',
  flex: 'flex',
  priority: 'priority',
}
/** Providers whose bound belongs to the tier above it. */
const INCLUSIVE = new Set(['xai'])

const FIELD = /^(.+?)(?:_above_(\d+)k_tokens)?(?:_(batches|batch|flex|priority))?$/

/** Reads LiteLLM's price table as it is. Models that are not charged by token or piece are left out, and counted. */
export function readLiteLlmPrices(
  json: unknown,
  about: { source: string; validFrom: number }
): { entries: PriceEntry[]; skipped: number } {
  const entries: PriceEntry[] = []
  let skipped = 0
  for (const [name, fields] of Object.entries(table.parse(json))) {
    if (name === 'sample_spec') continue
    const entry = readEntry(name, fields, about)
    if (entry === null) skipped++
    else entries.push(entry)
  }
  return { entries, skipped }
}

type Lists = { prices: Record<string, string>; tiers: Map<number, Record<string, string>> }

function readEntry(
  name: string,
  fields: Readonly<Record<string, unknown>>,
  about: { source: string; validFrom: number }
): PriceEntry | null {
  const provider = textOf(fields['litellm_provider'])
  const isInclusive = INCLUSIVE.has(provider)
  const plain: Lists = { prices: {}, tiers: new Map() }
  const service = new Map<ServiceTier, Lists>()
  for (const [field, value] of Object.entries(fields)) {
    const price = priceText(value)
    if (price === null) continue
    const [, base = field, kilo, tierWord] = FIELD.exec(field) ?? []
    const meter = FIELDS[base]
    if (meter === undefined) continue
    const lists = listsFor(
      tierWord === undefined ? undefined : SERVICE_TIERS[tierWord],
      plain,
      service
    )
    if (kilo === undefined) lists.prices[meter] = price
    else {
      const above = Number(kilo) * 1_000
      lists.tiers.set(above, { ...lists.tiers.get(above), [meter]: price })
    }
  }
  readTieredPricing(fields['tiered_pricing'], plain)
  readSearch(fields['search_context_cost_per_query'], plain)
  if (Object.keys(plain.prices).length === 0) return null
  const tiersOf = (lists: Lists): PriceTier[] =>
    [...lists.tiers]
      .toSorted(([a], [b]) => a - b)
      .map(([above, prices]) => ({ above, isInclusive, prices: prices }))
  return {
    provider,
    model: name.startsWith(`${provider}/`) ? name.slice(provider.length + 1) : name,
    prices: plain.prices,
    tiers: tiersOf(plain),
    serviceTiers: Object.fromEntries(
      [...service].map(([tier, lists]) => [tier, { prices: lists.prices, tiers: tiersOf(lists) }])
    ),
    currency: 'USD',
    usdPerCurrency: '1',
    validFrom: about.validFrom,
    validTo: null,
    source: textOf(fields['source']) || about.source,
    maxInputTokens: countOf(fields['max_input_tokens']),
    maxOutputTokens: countOf(fields['max_output_tokens'] ?? fields['max_tokens']),
  }
}

function listsFor(
  tier: ServiceTier | undefined,
  plain: Lists,
  service: Map<ServiceTier, Lists>
): Lists {
  if (tier === undefined) return plain
  const known = service.get(tier) ?? {
    prices: {},
    tiers: new Map<number, Record<string, string>>(),
  }
  service.set(tier, known)
  return known
}

/** `[{range: [0, 32000], …}, {range: [32000, 128000], …}]`: the first is the plain price. */
function readTieredPricing(value: unknown, plain: Lists): void {
  if (!Array.isArray(value)) return
  for (const tier of value as Readonly<Record<string, unknown>>[]) {
    const { range } = tier
    const from = Array.isArray(range) ? Number(range[0]) : Number.NaN
    if (!Number.isFinite(from)) continue
    const prices: Record<string, string> = {}
    for (const [field, price] of Object.entries(tier)) {
      const meter = FIELDS[field]
      const text = priceText(price)
      if (meter !== undefined && text !== null) prices[meter] = text
    }
    if (from <= 0) Object.assign(plain.prices, prices)
    else plain.tiers.set(from, { ...plain.tiers.get(from), ...prices })
  }
}

function readSearch(value: unknown, plain: Lists): void {
  if (typeof value !== 'object' || value === null) return
  const price = priceText((value as Record<string, unknown>)['search_context_size_medium'])
  if (price !== null) plain.prices['web_search'] = price
}

/** JSON's shortest decimal of a number is what the table's author wrote. */
function priceText(value: unknown): string | null {
  if (typeof value !== 'number' && typeof value !== 'string') return null
  const text = String(value)
  return /^\d+(\.\d+)?([eE][+-]?\d{1,3})?$/.test(text) ? text : null
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')
const countOf = (value: unknown): number | null => {
  const n = Number(value)
  return Number.isSafeInteger(n) && n > 0 ? n : null
}
