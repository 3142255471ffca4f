import { api, type CostChange, type RateCard } from '@trestle/contract'
import type { FastifyInstance } from 'fastify'
import type { Clock } from '../../kernel/clock.ts'
import { fail } from '../../platform/errors.ts'
import { bindRoutes } from '../../platform/http/index.ts'
import type { Budgets } from './budgets.ts'
import type { Ledger } from './ledger.ts'
import { DEFAULT_CPU_CARD, type PricedHour } from './pricing.ts'
import { toReport } from './report.ts'
import type { BudgetRow, CostStore, RateCardRow } from './store.ts'
import { HOUR_MS } from './usage.ts'

const DAY_MS = 86_400_000

type RateCardInput = Omit<RateCard, 'isDefault' | 'createdAt'>
type BudgetInput = Readonly<{
  name: string
  endpoint: string | null
  period: 'day' | 'month'
  usd: string
  warnAt: number
  hardStop: boolean
}>

export function addCostRoutes(
  app: FastifyInstance,
  deps: {
    store: CostStore
    clock: Clock
    hours: (span: { from: number; to: number }) => Promise<PricedHour[]>
    budgets: Budgets
    ledger: Ledger
  }
): void {
  const { store, clock, budgets } = deps
  bindRoutes(
    app,
    { name: 'costs', routes: api.costs },
    {
      getCostReport: async ({ groupBy, endpoint, from, to }, { project }) => {
        await deps.ledger.flush()
        const span = { from: from ?? clock.now() - 7 * DAY_MS, to: to ?? clock.now() + 1 }
        if (span.from >= span.to) throw fail('request.invalid', 'from must lie before to')
        return toReport(await deps.hours(span), { project, endpoint, groupBy, ...span })
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
      listBudgets: async (_input, { project }) => ({
        items: await Promise.all((await store.budgets(project)).map(budgets.stateOf)),
      }),
      putBudget: async (input, { project }) => {
        const row = toBudgetRow(project, input)
        await store.putBudget(row)
        await budgets.refresh()
        return budgets.stateOf(row)
      },
      deleteBudget: async ({ name }, { project }) => {
        if (!(await store.deleteBudget(project, name)))
          throw fail('resource.not_found', `No budget "${name}"`)
        await budgets.refresh()
        return {}
      },
      apply: async ({ rateCards, budgets: wanted, prune, dryRun }, { project }) => {
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
            known: await store.budgets(project),
            wanted: wanted.map((budget) => toBudgetRow(project, budget)),
            put: (row) => store.putBudget(row),
            remove: (name) => store.deleteBudget(project, name),
          },
          options
        )
        await budgets.refresh()
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

const toBudgetRow = (project: string, input: BudgetInput): BudgetRow => ({
  project,
  name: input.name,
  endpoint: input.endpoint,
  period: input.period,
  usd: input.usd,
  warn_at: input.warnAt,
  hard_stop: input.hardStop ? 1 : 0,
})
