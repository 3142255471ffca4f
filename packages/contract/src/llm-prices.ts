import { z } from 'zod'
import { epochMs } from './names.ts'

/** An exact decimal, as text: 1.5e-07 too. */
const decimal = z
  .string()
  .regex(/^\d+(\.\d+)?([eE][+-]?\d{1,3})?$/, 'a decimal as text, such as "0.00000015"')

const meter = z.enum([
  'input',
  'cache_read',
  'cache_write_5m',
  'cache_write_1h',
  'input_audio',
  'input_image',
  'output',
  'reasoning',
  'output_audio',
  'output_image',
  'web_search',
  'search_unit',
  'request',
])

/** Per token or piece; `request` once a call. */
const prices = z.partialRecord(meter, decimal)

const tier = z.strictObject({
  /** Calls with more input tokens than this. */
  above: z.int().nonnegative(),
  /** Whether a call of exactly `above` belongs to it. */
  isInclusive: z.boolean().default(false),
  prices,
})
const serviceTier = z.strictObject({ prices, tiers: z.array(tier).default([]) })

export const llmPriceInput = z.strictObject({
  /** Empty: whoever serves the model. */
  provider: z.string().max(60).default(''),
  model: z.string().min(1).max(250),
  prices,
  /** All or nothing: the highest tier that a call crosses prices all of it. */
  tiers: z.array(tier).max(20).default([]),
  serviceTiers: z.partialRecord(z.enum(['batch', 'flex', 'priority']), serviceTier).default({}),
  currency: z.string().length(3).default('USD'),
  /** Dollars for one of the currency. */
  usdPerCurrency: decimal.default('1'),
  validFrom: epochMs.default(0),
  validTo: epochMs.nullable().default(null),
  /** Where the price comes from, and when it was looked up. */
  source: z.string().min(1).max(500),
  maxInputTokens: z.int().positive().nullable().default(null),
  maxOutputTokens: z.int().positive().nullable().default(null),
})

export const llmPrice = llmPriceInput.extend({
  /** Null for one that comes with Trestle. */
  id: z.string().nullable(),
  createdAt: epochMs.nullable(),
})
export type LlmPrice = z.infer<typeof llmPrice>

export const priceImport = z.strictObject({
  format: z.literal('litellm'),
  prices: z.record(z.string(), z.unknown()),
  source: z.string().min(1).max(500),
  validFrom: epochMs.default(0),
  /** Only of these providers, by LiteLLM's names. */
  providers: z.array(z.string().min(1).max(60)).max(100).optional(),
})
