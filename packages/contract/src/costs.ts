import { z } from 'zod'
import { llmPrice, llmPriceInput, priceImport } from './llm-prices.ts'
import { epochMs, name, nothing } from './names.ts'
import { route } from './route.ts'

const tag = 'Costs'

/** An exact decimal of US dollars, as text: binary fractions would not add up. */
const usd = z.string().regex(/^-?\d+(\.\d{1,12})?$/)
const price = z.string().regex(/^\d{1,9}(\.\d{1,12})?$/, 'a decimal of US dollars, as text')

export const costStatus = z.enum(['measured', 'estimated', 'partial', 'unpriced', 'unmetered'])

const device = z.enum(['cpu', 'gpu', 'remote'])

const rateCardInput = z.strictObject({
  name,
  device,
  /** Price of one unit (one vCPU, one GPU, one remote slot) for one hour. */
  usdPerUnitHour: price,
  /** Units that are paid for while the server runs; null takes the number of vCPUs for `cpu`, and 1 for the others. */
  units: z.int().positive().max(100_000).nullable().default(null),
  /** From which hour on; rounded up to a full hour. */
  validFrom: epochMs,
  validTo: epochMs.nullable().default(null),
  /** Where the price comes from, and when it was looked up. */
  source: z.string().min(1).max(500),
})

const rateCard = rateCardInput.extend({
  /** The built-in card, which stands until one of your own does: what it prices is `estimated`. */
  isDefault: z.boolean(),
  createdAt: epochMs.nullable(),
})
export type RateCard = z.infer<typeof rateCard>

const groupBy = z.enum([
  'hour',
  'day',
  'project',
  'endpoint',
  'variant',
  'version',
  'role',
  'apiKey',
  'tag',
  'model',
  'meter',
])
export type CostGroup = z.infer<typeof groupBy>

const costRow = z.object({
  /** The values of the grouping, in the order asked for. */
  group: z.record(z.string(), z.string()),
  requests: z.int(),
  predictions: z.int(),
  busySeconds: z.number(),
  /** Tokens of LLM calls, cached ones and reasoning included. */
  inputTokens: z.int(),
  outputTokens: z.int(),
  /** Cost of the time it was worked on, and of what was bought by the token; null when nothing of it has a price. */
  directUsd: usd.nullable(),
  /** Direct cost and its share of the idle time: what it takes to keep this running. */
  loadedUsd: usd.nullable(),
  directUsdPer1000: usd.nullable(),
  loadedUsdPer1000: usd.nullable(),
  loadedUsdPerMillionTokens: usd.nullable(),
  status: costStatus,
  unpricedPredictions: z.int(),
})
export type CostRow = z.infer<typeof costRow>

const costReport = z.object({
  from: epochMs,
  to: epochMs,
  rows: z.array(costRow),
  /** The whole server, all projects: `directUsd + idleUsd = billUsd`, to the last digit. */
  bill: z.object({
    billUsd: usd,
    directUsd: usd,
    idleUsd: usd,
    /** What was bought by the token; part of `directUsd`. */
    tokensUsd: usd,
    /** Idle cost of hours in which nobody asked for anything: it is borne by no row. */
    unallocatedUsd: usd,
    capacitySeconds: z.number(),
    busySeconds: z.number(),
    /** Direct cost of other projects. */
    otherProjectsUsd: usd,
    status: costStatus,
  }),
})
export type CostReport = z.infer<typeof costReport>

const deviceUtilisation = z.object({
  device,
  /** Unit-seconds that were paid for, and those that predictions own. */
  capacitySeconds: z.number(),
  meteredSeconds: z.number(),
  meteredShare: z.number().nullable(),
  /** `directUsd + idleUsd = billUsd`; null without a price. */
  billUsd: usd.nullable(),
  directUsd: usd.nullable(),
  idleUsd: usd.nullable(),
  /** Each one, as its driver tells; a null is not told. */
  units: z.array(
    z.object({
      unit: z.string(),
      name: z.string(),
      observedSeconds: z.number(),
      /** Share of the observed time in which it worked. */
      measuredShare: z.number().nullable(),
      peakShare: z.number().nullable(),
      memoryPeakBytes: z.number().nullable(),
      memoryTotalBytes: z.number().nullable(),
      energyKwh: z.number().nullable(),
    })
  ),
})
export type DeviceUtilisation = z.infer<typeof deviceUtilisation>

const advice = z.object({
  kind: z.enum(['batch-size', 'idle-capacity', 'cpu-or-gpu', 'cheaper-model', 'cache']),
  /** What it is about: an endpoint, a variant of one, or a device. */
  subject: z.string(),
  verdict: z.enum(['worth-it', 'not-worth-it', 'insufficient']),
  says: z.string(),
  /** At the load of the span; null when nothing is saved, or a price is missing. */
  savesUsdPerMonth: z.number().nullable(),
  /** What it was worked out from; a null is not known. */
  numbers: z.array(z.object({ name: z.string(), value: z.number().nullable(), unit: z.string() })),
  curve: z
    .object({
      x: z.string(),
      y: z.string(),
      points: z.array(z.object({ x: z.number(), y: z.number() })),
    })
    .nullable(),
})
export type CostAdvice = z.infer<typeof advice>

const spanQuery = {
  /** The last 24 hours when left out. Hours are the grain. */
  from: z.coerce.number().int().nonnegative().optional(),
  to: z.coerce.number().int().nonnegative().optional(),
}

const budgetInput = z.strictObject({
  name,
  /** One endpoint, or null for all. */
  endpoint: name.nullable().default(null),
  /** Calls with one API key, by its id. */
  apiKey: z.string().min(1).max(60).nullable().default(null),
  /** Calls of one customer or purpose: `x-trestle-tag`. */
  tag: z.string().min(1).max(120).nullable().default(null),
  /** Counts what every project spends; for admins. */
  everyProject: z.boolean().default(false),
  period: z.enum(['hour', 'day', 'week', 'month']),
  /** Whose clocks the period goes by. Weeks begin on Monday. */
  timeZone: z.string().min(1).max(60).default('UTC'),
  usd: price,
  /** Share of the budget at which its state changes to `warning`. */
  warnAt: z.number().positive().max(1).default(0.8),
  /** Refuse predictions when it is spent. LLM calls are refused before they could pass it. */
  hardStop: z.boolean().default(false),
})
const budget = budgetInput.extend({
  periodFrom: epochMs,
  periodTo: epochMs,
  /** Loaded cost in this period so far; null while nothing of it has a price. */
  spentUsd: usd.nullable(),
  /** Held for calls under way. */
  heldUsd: usd,
  share: z.number().nullable(),
  state: z.enum(['ok', 'warning', 'exceeded', 'unknown']),
  /** What the period will cost, by the hours of the week before and the pace so far; `high` is passed one time in ten. */
  forecastUsd: usd.nullable(),
  forecastHighUsd: usd.nullable(),
  exhaustedAt: epochMs.nullable(),
  /** How fast it is spent now: 1 spends it exactly at the end of the period. */
  burnRate: z.number().nullable(),
})
export type Budget = z.infer<typeof budget>

const change = z.object({
  kind: z.enum(['create', 'update', 'delete', 'unchanged']),
  subject: z.string(),
  detail: z.string(),
})
export type CostChange = z.infer<typeof change>

const byName = z.object({ name })

export const costs = {
  getCostReport: route({
    method: 'GET',
    path: '/api/costs/report',
    role: 'viewer',
    tag,
    summary: 'What was spent on what, idle time included',
    query: z.object({
      /** Comma-separated: `variant,day`. */
      groupBy: z
        .string()
        .default('endpoint')
        .transform((text) => text.split(','))
        .pipe(z.array(groupBy).min(1)),
      endpoint: name.optional(),
      from: z.coerce.number().int().nonnegative().optional(),
      to: z.coerce.number().int().nonnegative().optional(),
    }),
    response: costReport,
  }),
  getUtilisation: route({
    method: 'GET',
    path: '/api/costs/utilisation',
    role: 'viewer',
    tag,
    summary:
      'How busy CPUs and GPUs were, beside what was metered for predictions and what it cost',
    query: z.object(spanQuery),
    response: z.object({ from: epochMs, to: epochMs, devices: z.array(deviceUtilisation) }),
  }),
  listAdvice: route({
    method: 'GET',
    path: '/api/costs/advice',
    role: 'viewer',
    tag,
    summary: 'What could be saved, with the numbers that say so; the most first',
    query: z.object(spanQuery),
    response: z.object({ from: epochMs, to: epochMs, items: z.array(advice) }),
  }),
  listRateCards: route({
    method: 'GET',
    path: '/api/costs/rate-cards',
    role: 'viewer',
    tag,
    summary: 'Prices, with their dates',
    response: z.object({ items: z.array(rateCard) }),
  }),
  putRateCard: route({
    method: 'PUT',
    path: '/api/costs/rate-cards/:name',
    role: 'admin',
    tag,
    summary:
      'Create or replace a rate card; costs are always worked out from the cards of their hour',
    params: byName,
    body: rateCardInput.omit({ name: true }),
    response: rateCard,
  }),
  deleteRateCard: route({
    method: 'DELETE',
    path: '/api/costs/rate-cards/:name',
    role: 'admin',
    tag,
    summary: 'Delete a rate card',
    params: byName,
    response: nothing,
    errors: ['resource.not_found'],
  }),
  listLlmPrices: route({
    method: 'GET',
    path: '/api/costs/llm-prices',
    role: 'viewer',
    tag,
    summary: 'Prices of LLMs by the token: your own, then those that come with Trestle',
    query: z.object({
      /** Part of a provider or model. */
      search: z.string().max(200).optional(),
      limit: z.coerce.number().int().min(1).max(5_000).default(500),
    }),
    response: z.object({ items: z.array(llmPrice) }),
  }),
  putLlmPrice: route({
    method: 'POST',
    path: '/api/costs/llm-prices',
    role: 'admin',
    tag,
    summary: 'Set the price of a model from a date on; use without a price so far gets it too',
    body: llmPriceInput,
    response: llmPrice,
    errors: ['request.invalid'],
  }),
  deleteLlmPrice: route({
    method: 'DELETE',
    path: '/api/costs/llm-prices/:id',
    role: 'admin',
    tag,
    summary: 'Delete a price of your own',
    params: z.object({ id: z.string().min(1).max(60) }),
    response: nothing,
    errors: ['resource.not_found'],
  }),
  importLlmPrices: route({
    method: 'POST',
    path: '/api/costs/llm-prices/import',
    role: 'admin',
    tag,
    summary: "Import LiteLLM's model_prices_and_context_window.json as it is",
    body: priceImport,
    response: z.object({ imported: z.int(), skipped: z.int(), repriced: z.int() }),
    errors: ['request.invalid'],
  }),
  listBudgets: route({
    method: 'GET',
    path: '/api/costs/budgets',
    role: 'viewer',
    tag,
    summary: 'Budgets, what is spent, and where it is heading',
    response: z.object({ items: z.array(budget) }),
  }),
  putBudget: route({
    method: 'PUT',
    path: '/api/costs/budgets/:name',
    role: 'operator',
    tag,
    summary: 'Create or replace a budget',
    params: byName,
    body: budgetInput.omit({ name: true }),
    response: budget,
  }),
  deleteBudget: route({
    method: 'DELETE',
    path: '/api/costs/budgets/:name',
    role: 'operator',
    tag,
    summary: 'Delete a budget',
    params: byName,
    response: nothing,
    errors: ['resource.not_found'],
  }),
  apply: route({
    method: 'POST',
    path: '/api/costs/apply',
    role: 'admin',
    tag,
    summary: 'Bring rate cards and budgets to what is declared',
    body: z.strictObject({
      rateCards: z.array(rateCardInput).max(200).default([]),
      budgets: z.array(budgetInput).max(500).default([]),
      prune: z.boolean().default(false),
      dryRun: z.boolean().default(false),
    }),
    response: z.object({ changes: z.array(change) }),
  }),
}
