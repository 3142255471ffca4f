import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatMoney, parseMoney } from '../../../kernel/money.ts'
import type { Meter, Usage } from '../../serving/index.ts'
import vectors from './fixtures/llm-prices.json' with { type: 'json' }
import { readLiteLlmPrices } from './litellm-prices.ts'
import { createPriceBook } from './price-book.ts'
import { priceCall, serviceTierOf, type PriceEntry } from './price-entry.ts'
import { readShippedPrices } from './shipped-prices.ts'
import { parseUnitPrice, priceOf } from './unit-price.ts'

/** What the sources call our meters. */
const METERS: Readonly<Record<string, Meter>> = {
  cache_write: 'cache_write_5m',
  cache_read_input_tokens: 'cache_read',
  reasoning_tokens: 'reasoning',
  image_output: 'output_image',
}
const renamed = (of: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(of).map(([key, value]) => [METERS[key] ?? key, value]))

const entry = (change: Partial<PriceEntry>): PriceEntry => ({
  provider: 'p',
  model: 'm',
  prices: {},
  tiers: [],
  serviceTiers: {},
  currency: 'USD',
  usdPerCurrency: '1',
  validFrom: 0,
  validTo: null,
  source: 'test',
  maxInputTokens: null,
  maxOutputTokens: null,
  ...change,
})
const text = (usd: bigint | null): string | null => (usd === null ? null : formatMoney(usd))

test.each(vectors)('$id costs $expected_usd, to the last digit', (vector) => {
  const price = priceCall(
    entry({ prices: renamed(vector.price_per_unit_usd) }),
    renamed(vector.disjoint_buckets)
  )
  expect(price.usd).toBe(parseMoney(vector.expected_usd))
  expect(price.isApproximate).toBe(false)
})

const from = (fields: Record<string, unknown>): PriceEntry => {
  const { entries } = readLiteLlmPrices(
    { m: { litellm_provider: 'p', ...fields } },
    { source: 'test', validFrom: 0 }
  )
  const [only] = entries
  if (only === undefined) throw new Error('not read')
  return only
}

test('a LiteLLM entry with a long-context bound: exactly 272,000 tokens stay short, one more makes the whole call long', () => {
  const bedrock = from({
    input_cost_per_token: 5.5e-6,
    output_cost_per_token: 3.3e-5,
    cache_read_input_token_cost: 5.5e-7,
    input_cost_per_token_above_272k_tokens: 1.1e-5,
    output_cost_per_token_above_272k_tokens: 4.95e-5,
    cache_read_input_token_cost_above_272k_tokens: 1.1e-6,
  })
  const call = (usage: Usage) => text(priceCall(bedrock, usage).usd)
  expect(call({ input: 200_238, cache_read: 100_000, output: 1_000 })).toBe('2.362118')
  expect(call({ input: 172_000, cache_read: 100_000 })).toBe('1.001')
  expect(call({ input: 172_001, cache_read: 100_000 })).toBe('2.002011')
})

test('tiered_pricing is all or nothing, its first range is the plain price, a bound belongs below; xAI counts it above', () => {
  const qwen = from({
    tiered_pricing: [
      { range: [0, 32_000], input_cost_per_token: 4.6e-7, output_cost_per_token: 2.3e-6 },
      { range: [32_000, 128_000], input_cost_per_token: 7e-7, output_cost_per_token: 3.5e-6 },
    ],
  })
  expect(text(priceCall(qwen, { input: 40_000, output: 1_000 }).usd)).toBe('0.0315')
  expect(text(priceCall(qwen, { input: 32_000 }).usd)).toBe('0.01472')
  const grok = from({
    litellm_provider: 'xai',
    input_cost_per_token: 1e-6,
    input_cost_per_token_above_128k_tokens: 2e-6,
  })
  expect(text(priceCall(grok, { input: 128_000 }).usd)).toBe('0.256')
})

test('a tier without an output rate bills the model rate; reasoning costs what output costs unless it has a price', () => {
  const tiered = from({
    input_cost_per_token: 1e-6,
    output_cost_per_token: 2e-6,
    output_cost_per_reasoning_token: 5e-6,
    tiered_pricing: [{ range: [10, 1_000], input_cost_per_token: 0.001 }],
  })
  expect(text(priceCall(tiered, { input: 13, output: 82, reasoning: 100 }).usd)).toBe('0.013664')
  const plain = from({ input_cost_per_token: 1e-6, output_cost_per_token: 2e-6 })
  const call = priceCall(plain, { output: 10, reasoning: 5 })
  expect(call).toMatchObject({ usd: 30_000_000n, isApproximate: false })
})

test('batch, flex and priority have prices of their own; what they do not name stays', () => {
  const mini = from({
    input_cost_per_token: 1.5e-7,
    output_cost_per_token: 6e-7,
    cache_read_input_token_cost: 7.5e-8,
    input_cost_per_token_batches: 7.5e-8,
    output_cost_per_token_batches: 3e-7,
    input_cost_per_token_priority: 2.5e-7,
  })
  const usage = { input: 1_000_000, cache_read: 1_000_000, output: 1_000_000 }
  const of = (word: string | null) =>
    text(priceCall(mini, usage, { serviceTier: serviceTierOf(word) }).usd)
  expect([of(null), of('default'), of('batch'), of('priority')]).toEqual([
    '0.825',
    '0.825',
    '0.45',
    '0.925',
  ])
})

test('a meter without a price leaves the call without one; it is never free', () => {
  const call = priceCall(entry({ prices: { input: '0.000001' } }), { input: 5, output_audio: 3 })
  expect(call.usd).toBeNull()
  expect(call.lines).toContainEqual({ meter: 'output_audio', quantity: 3, usd: null })
})

test('a price that stands in for a cache price makes the cost an approximate one', () => {
  const call = priceCall(entry({ prices: { input: '0.000001' } }), { cache_read: 10 })
  expect(call).toMatchObject({ usd: 10_000_000n, isApproximate: true })
})

test('a currency is converted at the rate of its entry, and a request may have a price of its own', () => {
  const euro = entry({
    prices: { input: '0.000002', request: '0.01' },
    currency: 'EUR',
    usdPerCurrency: '1.25',
  })
  expect(text(priceCall(euro, { input: 100 }).usd)).toBe('0.01275')
})

test('a book prices by date, own entries before shipped ones, dated names by their plain one', () => {
  const shipped = [entry({ model: 'gpt', prices: { input: '0.1' } })]
  const own = [
    entry({ model: 'gpt', prices: { input: '0.2' }, validFrom: 100, validTo: 200 }),
    entry({ model: 'gpt', prices: { input: '0.3' }, validFrom: 150, validTo: null }),
  ]
  const book = createPriceBook(own, shipped)
  const at = (moment: number, model = 'gpt') =>
    book.find({ provider: 'p', model, at: moment })?.prices.input
  expect([at(50), at(120), at(160), at(300)]).toEqual(['0.1', '0.2', '0.3', '0.3'])
  expect(at(50, 'gpt-2026-01-31')).toBe('0.1')
  expect(at(50, 'GPT')).toBe('0.1')
  expect(at(50, 'other')).toBeUndefined()
})

test('the shipped table prices well-known models and names its source for each', async () => {
  const shipped = await readShippedPrices()
  expect(shipped.length).toBeGreaterThan(300)
  expect(
    shipped.every(({ source, prices }) => source !== '' && Object.keys(prices).length > 0)
  ).toBe(true)
  const book = createPriceBook([], shipped)
  const mini = book.find({ provider: 'openai', model: 'gpt-4o-mini', at: 1 })
  expect(mini?.prices).toMatchObject({ input: '1.5e-7', output: '6e-7', cache_read: '7.5e-8' })
  const sonnet = book.find({ provider: 'anthropic', model: 'claude-sonnet-4-5', at: 1 })
  expect(sonnet?.tiers[0]).toMatchObject({ above: 200_000, prices: { input: '0.000006' } })
})

test('a unit price keeps 18 decimals and refuses what it would lose', () => {
  expect(parseUnitPrice('1.5e-07')).toBe(150_000_000_000n)
  expect(parseUnitPrice('0.000000000000000001')).toBe(1n)
  expect(parseUnitPrice('0.0000000000000000001')).toBeNull()
  expect(parseUnitPrice('-1')).toBeNull()
})

test('the price of the parts is the price of the whole, for any quantities and prices of up to 12 decimals', () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: 0n, max: 10n ** 12n }),
      fc.nat(10_000_000),
      fc.nat(10_000_000),
      (units, a, b) => {
        const unit = units * 1_000_000n
        expect(priceOf(a, unit) + priceOf(b, unit)).toBe(priceOf(a + b, unit))
      }
    )
  )
})
