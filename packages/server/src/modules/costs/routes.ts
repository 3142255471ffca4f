import {
  api,
  type Budget,
  type CostAdvice,
  type CostChange,
  type RateCard,
} from '@trestle/contract'
import type { FastifyInstance } from 'fastify'
import type { Clock } from '../../kernel/clock.ts'
import { fail } from '../../platform/errors.ts'
import type { Principal } from '../../platform/auth/index.ts'
import { bindRoutes } from '../../platform/http/index.ts'
import type { Budgets } from './budgets/budgets.ts'
import type { BudgetRow, BudgetStore } from './budgets/store.ts'
import { isTimeZone } from './budgets/windows.ts'
import type { CostLine } from './cost-line.ts'
import type { Ledger } from './ledger.ts'
import { DEFAULT_CPU_CARD, type PricedHour } from './pricing.ts'
import { toReport } from './report.ts'
import { priceHandlers } from './llm/price-routes.ts'
import type { Prices } from './llm/prices.ts'
import type { LlmCostStore } from './llm/store.ts'
import type { Utilisation } from './utilisation/utilisation.ts'
import type { CostStore, RateCardRow } from './store.ts'
import { HOUR_MS } from '../../kernel/hour.ts'

const DAY_MS = 86_400_000

type RateCardInput = Omit<RateCard, 'isDefault' | 'createdAt'>
type BudgetInput = Omit<
  Budget,
  | 'periodFrom'
  | 'periodTo'
  | 'spentUsd'
  | 'heldUsd'
  | 'share'
  | 'state'
  | 'forecastUsd'
  | 'forecastHighUsd'
  | 'exhaustedAt'
  | 'burnRate'
>

export function addCostRoutes(
  app: FastifyInstance,
  deps: {
    store: CostStore
    clock: Clock
    hours: (span: { from: number; to: number }) => Promise<PricedHour[]>
    lines: (
      span: { from: number; to: number },
      hours: readonly PricedHour[]
    ) => Promise<readonly CostLine[]>
    budgets: Budgets
    budgetStore: BudgetStore
    /** A budget changed: what was set aside goes by the old one. */
    onBudgets: () => Promise<void>
    ledger: Ledger
    utilisation: Utilisation
    advise: (project: string, span: { from: number; to: number }) => Promise<CostAdvice[]>
    prices: Prices
    priceStore: LlmCostStore
  }
): void {
  const { store, clock, budgets, budgetStore } = deps
  const stateOf = async (row: BudgetRow): Promise<Budget> => {
    const [state] = await budgets.states([row])
    if (state === undefined) throw new Error('a budget has a state')
    return state
  }
  bindRoutes(
    app,
    { name: 'costs', routes: api.costs },
    {
      getCostReport: async ({ groupBy, endpoint, from, to }, { project }) => {
        await deps.ledger.flush()
        const span = { from: from ?? clock.now() - 7 * DAY_MS, to: to ?? clock.now() + 1 }
        if (span.from >= span.to) throw fail('request.invalid', 'from must lie before to')
        const hours = await deps.hours(span)
        return toReport(hours, await deps.lines(span, hours), {
          project,
          endpoint,
          groupBy,
          ...span,
        })
      },
      getUtilisation: async ({ from, to }) => {
        await deps.ledger.flush()
        const span = { from: from ?? clock.now() - DAY_MS, to: to ?? clock.now() + 1 }
        if (span.from >= span.to) throw fail('request.invalid', 'from must lie before to')
        return { ...span, devices: await deps.utilisation.report(span, await deps.hours(span)) }
      },
      listAdvice: async ({ from, to }, { project }) => {
        await deps.ledger.flush()
        const span = { from: from ?? clock.now() - DAY_MS, to: to ?? clock.now() + 1 }
        if (span.from >= span.to) throw fail('request.invalid', 'from must lie before to')
        return { ...span, items: await deps.advise(project, span) }
      },
      listRateCards: async () => ({
        items: [
          { ...DEFAULT_CPU_CARD, isDefault: true, createdAt: null },
          ...(await store.rateCards()).map(toRateCard),
        ],
      }),
      putRateCard: async (input) => {
        const row = toRateCardRow(input, clock.now())
        await store.putRateCard(row)
        return toRateCard(row)
      },
      deleteRateCard: async ({ name }) => {
        if (!(await store.deleteRateCard(name)))
          throw fail('resource.not_found', `No rate card "${name}"`)
        return {}
      },
      ...priceHandlers({ prices: deps.prices, store: deps.priceStore, clock }),
      listBudgets: async (_input, { project }) => ({
        items: await budgets.states(await budgetStore.budgets(project)),
      }),
      putBudget: async (input, { project, principal }) => {
        const row = toBudgetRow(project, input, principal)
        await budgetStore.putBudget(row)
        await deps.onBudgets()
        return stateOf(row)
      },
      deleteBudget: async ({ name }, { project }) => {
        if (!(await budgetStore.deleteBudget(project, name)))
          throw fail('resource.not_found', `No budget "${name}"`)
        await deps.onBudgets()
        return {}
      },
      apply: async ({ rateCards, budgets: wanted, prune, dryRun }, { project, principal }) => {
        const options = { prune, dryRun }
        const cards = await applyAll(
          {
            what: 'rate card',
            known: await store.rateCards(),
            wanted: rateCards.map((card) => toRateCardRow(card, clock.now())),
            put: (row) => store.putRateCard(row),
            remove: (name) => store.deleteRateCard(name),
          },
          options
        )
        const limits = await applyAll(
          {
            what: 'budget',
            known: (await budgetStore.budgets(project)).filter((row) => row.project === project),
            wanted: wanted.map((budget) => toBudgetRow(project, budget, principal)),
            put: (row) => budgetStore.putBudget(row),
            remove: (name) => budgetStore.deleteBudget(project, name),
          },
          options
        )
        await deps.onBudgets()
        return { changes: [...cards, ...limits] }
      },
    }
  )
}

async function applyAll<Row extends { name: string }>(
  set: {
    what: string
    known: readonly Row[]
    wanted: readonly Row[]
    put: (row: Row) => Promise<void>
    remove: (name: string) => Promise<boolean>
  },
  options: { prune: boolean; dryRun: boolean }
): Promise<CostChange[]> {
  const changes: CostChange[] = []
  const known = new Map(set.known.map((row) => [row.name, row]))
  for (const row of set.wanted) {
    const before = known.get(row.name)
    known.delete(row.name)
    const differing = before === undefined ? [] : fieldsThatDiffer(before, row)
    const kind = before === undefined ? 'create' : differing.length === 0 ? 'unchanged' : 'update'
    changes.push({ kind, subject: `${set.what} ${row.name}`, detail: differing.join(', ') })
    if (!options.dryRun && kind !== 'unchanged') await set.put(row)
  }
  for (const name of options.prune ? known.keys() : []) {
    changes.push({ kind: 'delete', subject: `${set.what} ${name}`, detail: 'not declared' })
    if (!options.dryRun) await set.remove(name)
  }
  return changes
}

const fieldsThatDiffer = (before: object, after: object): string[] =>
  Object.entries(after).flatMap(([key, value]) =>
    key === 'created_at' || Object.entries(before).some(([k, v]) => k === key && v === value)
      ? []
      : [key]
  )

/** Validity is by whole hours, like the ledger: a card never prices an hour that it was not there for all of. */
const toRateCardRow = (input: RateCardInput, now: number): RateCardRow => ({
  name: input.name,
  device: input.device,
  usd_per_unit_hour: input.usdPerUnitHour,
  units: input.units,
  valid_from: Math.ceil(input.validFrom / HOUR_MS) * HOUR_MS,
  valid_to: input.validTo === null ? null : Math.ceil(input.validTo / HOUR_MS) * HOUR_MS,
  source: input.source,
  created_at: now,
})

const toRateCard = (row: RateCardRow): RateCard => ({
  name: row.name,
  device: row.device,
  usdPerUnitHour: row.usd_per_unit_hour,
  units: row.units,
  validFrom: row.valid_from,
  validTo: row.valid_to,
  source: row.source,
  isDefault: false,
  createdAt: row.created_at,
})

function toBudgetRow(project: string, input: BudgetInput, by: Principal): BudgetRow {
  if (!isTimeZone(input.timeZone))
    throw fail('request.invalid', `There is no time zone "${input.timeZone}"`)
  if (input.everyProject && (by.role !== 'admin' || by.project !== null))
    throw fail('auth.forbidden', 'A budget over every project needs an admin of all projects')
  return {
    project,
    name: input.name,
    endpoint: input.endpoint,
    api_key_id: input.apiKey,
    tag: input.tag,
    every_project: input.everyProject ? 1 : 0,
    period: input.period,
    time_zone: input.timeZone,
    usd: input.usd,
    warn_at: input.warnAt,
    hard_stop: input.hardStop ? 1 : 0,
  }
}
