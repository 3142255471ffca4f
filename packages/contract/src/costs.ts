import { z } from 'zod'
import { epochMs, name, nothing } from './names.ts'
import { route } from './route.ts'

const tag = 'Costs'

/** An exact decimal of US dollars, as text: binary fractions would not add up. */
const usd = z.string().regex(/^-?\d+(\.\d{1,12})?$/)
const price = z.string().regex(/^\d{1,9}(\.\d{1,12})?$/, 'a decimal of US dollars, as text')

export const costStatus = z.enum(['measured', 'estimated', 'unpriced'])

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

const groupBy = z.enum(['hour', 'day', 'endpoint', 'variant', 'version', 'role', 'apiKey'])

const costRow = z.object({
  /** The values of the grouping, in the order asked for. */
  group: z.record(z.string(), z.string()),
  requests: z.int(),
  predictions: z.int(),
  busySeconds: z.number(),
  /** Cost of the time it was worked on; null when nothing of it has a price. */
  directUsd: usd.nullable(),
  /** Direct cost and its share of the idle time: what it takes to keep this running. */
  loadedUsd: usd.nullable(),
  directUsdPer1000: usd.nullable(),
  loadedUsdPer1000: usd.nullable(),
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

const budgetInput = z.strictObject({
  name,
  /** One endpoint, or null for the whole project. */
  endpoint: name.nullable().default(null),
  period: z.enum(['day', 'month']),
  usd: price,
  /** Shares of the budget at which its state changes to `warning`. */
  warnAt: z.number().positive().max(1).default(0.8),
  /** Refuse predictions when it is spent. */
  hardStop: z.boolean().default(false),
})

const budget = budgetInput.extend({
  periodFrom: epochMs,
  periodTo: epochMs,
  /** Loaded cost in this period so far; null while nothing of it has a price. */
  spentUsd: usd.nullable(),
  share: z.number().nullable(),
  state: z.enum(['ok', 'warning', 'exceeded', 'unknown']),
  /** What the period will cost if it goes on as it did. */
  forecastUsd: usd.nullable(),
  exhaustedAt: epochMs.nullable(),
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
