/**
 * What predictions cost. Owns the usage ledger, rate cards and budgets. The bill of an hour is what was paid for (capacity times price); rows and
 * idle time sum to it exactly. What has no price is `unpriced`, never free.
 */
import { availableParallelism } from 'node:os'
import type { FastifyInstance } from 'fastify'
import type { Clock } from '../../kernel/clock.ts'
import type { Money } from '../../kernel/money.ts'
import type { Component } from '../../platform/component.ts'
import type { Database } from '../../platform/database/index.ts'
import type { Scheduler } from '../../platform/jobs/scheduler.ts'
import { createBudgets } from './budgets.ts'
import { createLedger, type UsageSource } from './ledger.ts'
import { priceAt, priceHours, worstStatus, type CostStatus, type PricedHour } from './pricing.ts'
import { perThousand, sumOf } from './report.ts'
import { addCostRoutes } from './routes.ts'
import { createCostStore } from './store.ts'
import { hourOf, HOUR_MS, type Device } from './usage.ts'

export { costMigrations } from './migrations/index.ts'
export type { CostStatus, UsageSource }

/** The loaded cost of a variant. `usd` is null when any of it has no price. Hours are the grain: a span counts every hour that it touches. */
export type VariantCost = Readonly<{
  predictions: number
  usd: Money | null
  usdPer1000: Money | null
  status: CostStatus
}>

export interface Costs extends Component {
  routes(app: FastifyInstance): void
  costOf(q: { endpointId: string; variant: string; from: number; to: number }): Promise<VariantCost>
  /** Whether a budget with a hard stop forbids this prediction. From memory, at most 10 s behind. */
  mayServe(q: {
    project: string
    endpoint: string
  }): { kind: 'allowed' } | { kind: 'refused'; budget: string }
}

const BOOK_EVERY_MS = 1_000
const BUDGETS_EVERY_MS = 10_000

export function createCosts(deps: {
  database: Database
  clock: Clock
  scheduler: Scheduler
  source: UsageSource
  /** vCPUs that this process may use; those of the machine when left out. */
  cpus?: number
}): Costs {
  const { clock, scheduler } = deps
  const store = createCostStore(deps.database)
  const cpus = deps.cpus ?? availableParallelism()

  /** What is paid for: every vCPU, and of other devices what a rate card names. */
  const units = async (): Promise<Partial<Record<Device, number>>> => {
    const cards = await store.rateCards()
    const hour = hourOf(clock.now())
    const paid: Partial<Record<Device, number>> = {
      cpu: priceAt(cards, 'cpu', hour)?.units ?? cpus,
    }
    for (const device of ['gpu', 'remote'] as const) {
      const price = priceAt(cards, device, hour)
      if (price !== null) paid[device] = price.units ?? 1
    }
    return paid
  }

  const hours = async (span: { from: number; to: number }): Promise<PricedHour[]> => {
    const whole = { from: hourOf(span.from), to: hourOf(span.to - 1) + HOUR_MS }
    return priceHours(
      await store.usage(whole),
      await store.capacity(whole),
      await store.rateCards()
    )
  }

  const ledger = createLedger({ store, source: deps.source, clock, units })
  const budgets = createBudgets({ store, clock, hours })

  return {
    name: 'costs',
    routes: (app) => addCostRoutes(app, { store, clock, hours, budgets, ledger }),
    async costOf({ endpointId, variant, from, to }) {
      await ledger.flush()
      const rows = (await hours({ from, to }))
        .flatMap((hour) => hour.rows)
        .filter((row) => row.usage.endpoint_id === endpointId && row.usage.variant === variant)
      const predictions = rows.reduce((sum, row) => sum + row.usage.predictions, 0)
      const status = worstStatus(rows.map((row) => row.status))
      const usd = status === 'unpriced' ? null : sumOf(rows, 'loaded')
      return { predictions, usd, usdPer1000: perThousand(usd, predictions), status }
    },
    mayServe: (q) => budgets.mayServe(q),
    async start() {
      await ledger.start()
      await budgets.refresh()
      scheduler.every({
        name: 'cost-ledger',
        intervalMs: BOOK_EVERY_MS,
        work: () => ledger.flush(),
      })
      scheduler.every({
        name: 'budgets',
        intervalMs: BUDGETS_EVERY_MS,
        work: () => budgets.refresh(),
      })
    },
    stop: () => ledger.stop(),
  }
}
