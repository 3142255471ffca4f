/**
 * What predictions cost. Owns the usage ledger, rate cards and budgets. The bill of an hour is what was paid for (capacity times price); rows and
 * idle time sum to it exactly. What has no price is `unpriced`, never free.
 */
import { availableParallelism, totalmem } from 'node:os'
import type { FastifyInstance } from 'fastify'
import type { Registry } from 'prom-client'
import type { Clock } from '../../kernel/clock.ts'
import { formatMoney, type Money } from '../../kernel/money.ts'
import type { Component } from '../../platform/component.ts'
import type { Database } from '../../platform/database/index.ts'
import { fail } from '../../platform/errors.ts'
import type { Scheduler } from '../../platform/jobs/scheduler.ts'
import type { Logger } from '../../platform/telemetry/logger.ts'
import type { DuckDb } from '../../platform/duckdb/index.ts'
import { advise } from './advice/advise.ts'
import { createBudgets } from './budgets/budgets.ts'
import type { SpendNotice } from './budgets/notices.ts'
import { createReservations } from './budgets/reservations.ts'
import { createBudgetStore } from './budgets/store.ts'
import { costLines, type CostLine } from './cost-line.ts'
import { toFocusRows } from './focus/focus-rows.ts'
import { addFocusRoute } from './focus/routes.ts'
import { createLedger, type UsageSource } from './ledger.ts'
import { createLlmAccounts } from './llm/accounts.ts'
import { createPrices } from './llm/prices.ts'
import { createLlmCostStore } from './llm/store.ts'
import type { LlmAccounts } from '../serving/index.ts'
import { priceAt, priceHours, worstStatus, type CostStatus, type PricedHour } from './pricing.ts'
import { perThousand, sumOf } from './report.ts'
import { addCostRoutes } from './routes.ts'
import { createCostStore } from './store.ts'
import { hourOf, HOUR_MS } from '../../kernel/hour.ts'
import type { Device } from './usage.ts'
import { createCpuSampler } from './utilisation/cpu-sampler.ts'
import { gpuSamplers, type GpuMetrics } from './utilisation/gpu-samplers.ts'
import { createUtilisationStore } from './utilisation/store.ts'
import { createUtilisation } from './utilisation/utilisation.ts'

export { costMigrations } from './migrations/index.ts'
export type { GpuMetrics } from './utilisation/gpu-samplers.ts'
export type { CostStatus, SpendNotice, UsageSource }

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
    apiKeyId: string | null
  }): { kind: 'allowed' } | { kind: 'refused'; budget: string }
  /** Prices and budgets of LLM calls: money is held before it is spent. */
  readonly llm: LlmAccounts
}

const BOOK_EVERY_MS = 1_000
const LOOK_EVERY_MS = 15_000
const MONTH_MS = 30 * 24 * HOUR_MS
const BUDGETS_EVERY_MS = 10_000
/** A process that was not heard of for so long is dead, and what it had set aside is free again. */
const DEAD_AFTER_MS = 60_000

export function createCosts(deps: {
  database: Database
  clock: Clock
  scheduler: Scheduler
  source: UsageSource
  duckdb: DuckDb
  metrics: Registry
  log: Logger
  /** Who is asked for what advice rests on. */
  advice: Parameters<typeof advise>[0]
  /** How the GPUs are looked at. */
  gpuMetrics: GpuMetrics
  /** Names this process among those that share the database. */
  processId: string
  /** Whether no other process shares the database. */
  isAlone: boolean
  /** Passes on what there is to tell of a budget. */
  notify?: (notice: SpendNotice) => Promise<void>
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
      if (price !== null)
        paid[device] = price.units ?? (device === 'gpu' ? Math.max(1, utilisation.gpus()) : 1)
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

  const lines = async (
    span: { from: number; to: number },
    priced?: readonly PricedHour[]
  ): Promise<CostLine[]> => {
    const whole = { from: hourOf(span.from), to: hourOf(span.to - 1) + HOUR_MS }
    return costLines(priced ?? (await hours(span)), await llmStore.tokens(whole))
  }

  const llmStore = createLlmCostStore(deps.database)
  const budgetStore = createBudgetStore(deps.database)
  const prices = createPrices({ store: llmStore, clock })
  const utilisationStore = createUtilisationStore(deps.database)
  const utilisation = createUtilisation({
    store: utilisationStore,
    clock,
    samplers: [
      createCpuSampler({
        cpus,
        now: () => clock.now(),
        cpuUsage: () => process.cpuUsage(),
        memory: () => ({ used: process.memoryUsage.rss(), total: totalmem() }),
      }),
      ...gpuSamplers(deps.gpuMetrics),
    ],
    metrics: deps.metrics,
    tell: (failure) => {
      if (failure === null) deps.log.info('the GPUs can be looked at again')
      else deps.log.warn({ failure }, 'the GPUs can not be looked at')
    },
  })
  const ledger = createLedger({
    store,
    source: deps.source,
    clock,
    units,
    prices: () => prices.ready(),
  })
  const budgets = createBudgets({
    store: budgetStore,
    clock,
    lines,
    notify: deps.notify ?? (async () => undefined),
  })
  const reservations = createReservations({
    store: budgetStore,
    clock,
    holder: deps.processId,
    budgets: () => budgets.hard(),
  })
  const llm = createLlmAccounts({
    prices,
    reservations,
    clock,
    hardBudgets: () => budgets.hard(),
    onSpent: (scope, usd, at) => budgets.spend(scope, usd, at),
  })
  const refresh = async (): Promise<void> => {
    await reservations.keepAlive({ isAlone: deps.isAlone, deadAfterMs: DEAD_AFTER_MS })
    await budgets.refresh()
  }

  return {
    name: 'costs',
    llm,
    routes(app) {
      addFocusRoute(app, {
        duckdb: deps.duckdb,
        rows: async (project, asked) => {
          await ledger.flush()
          const span = {
            from: asked.from ?? clock.now() - MONTH_MS,
            to: asked.to ?? clock.now() + 1,
          }
          if (span.from >= span.to) throw fail('request.invalid', 'from must lie before to')
          const priced = await hours(span)
          return toFocusRows(priced, await lines(span, priced), project)
        },
      })
      addCostRoutes(app, {
        store,
        clock,
        hours,
        lines,
        budgets,
        budgetStore,
        onBudgets: async () => {
          await reservations.release()
          await budgets.refresh()
        },
        ledger,
        utilisation,
        advise: async (project, span) => {
          const whole = { from: hourOf(span.from), to: hourOf(span.to - 1) + HOUR_MS }
          const priced = await hours(span)
          const cards = await store.rateCards()
          return advise(deps.advice, {
            project,
            span,
            hours: priced,
            lines: await lines(span, priced),
            utilisation: await utilisationStore.read(whole),
            savings: await llmStore.savings(whole),
            usdPerHour: (device) => {
              const price = priceAt(cards, device, hourOf(clock.now()))
              return price === null ? null : Number(formatMoney(price.usdPerUnitHour))
            },
          })
        },
        prices,
        priceStore: llmStore,
      })
    },
    async costOf({ endpointId, variant, from, to }) {
      await ledger.flush()
      const rows = (await lines({ from, to })).filter(
        (line) => line.endpointId === endpointId && line.variant === variant
      )
      const predictions = rows.reduce((sum, line) => sum + line.predictions, 0)
      const status = worstStatus(rows.map((line) => line.status))
      const usd = status === 'unpriced' || status === 'unmetered' ? null : sumOf(rows, 'loaded')
      return { predictions, usd, usdPer1000: perThousand(usd, predictions), status }
    },
    mayServe: (q) => budgets.mayServe(q),
    async start() {
      await ledger.start()
      await budgets.remember()
      await refresh()
      // 100 KB of prices are read beside the start, not in it.
      void prices.ready()
      scheduler.every({
        name: 'cost-ledger',
        intervalMs: BOOK_EVERY_MS,
        work: async () => {
          await ledger.flush()
          await reservations.flush()
        },
      })
      scheduler.every({
        name: 'utilisation',
        intervalMs: LOOK_EVERY_MS,
        work: (signal) => utilisation.look(signal),
      })
      scheduler.every({ name: 'budgets', intervalMs: BUDGETS_EVERY_MS, work: refresh })
    },
    async stop() {
      await ledger.stop()
      await reservations.release()
    },
  }
}
