import type { Budget } from '@trestle/contract'
import type { Clock } from '../../../kernel/clock.ts'
import type { Money } from '../../../kernel/money.ts'
import type { CostLine } from '../cost-line.ts'
import { sumOf } from '../report.ts'
import { HOUR_MS } from '../../../kernel/hour.ts'
import { budgetState, dollars } from './budget-state.ts'
import { createSpendMinutes, type SpendMinutes } from './burn-rate.ts'
import type { HourlySpend } from './forecast.ts'
import { noticesOf, type SpendNotice } from './notices.ts'
import { isUnder } from './reservations.ts'
import type { BudgetRow, BudgetStore } from './store.ts'
import { windowOf } from './windows.ts'

/** How far a forecast looks back. */
const HISTORY_MS = 28 * 24 * HOUR_MS

const MICRO = 1_000_000n

/** Budgets and what is spent of them. Spent is the loaded cost: idle time is paid for too. */
export function createBudgets(deps: {
  store: BudgetStore
  clock: Clock
  /** Priced rows of all projects, by whole hours. */
  lines: (span: { from: number; to: number }) => Promise<readonly CostLine[]>
  notify: (notice: SpendNotice) => Promise<void>
}) {
  const { store, clock } = deps
  let all: readonly BudgetRow[] = []
  let exceeded: readonly BudgetRow[] = []
  const minutes = new Map<string, SpendMinutes>()

  const spendOf = (row: BudgetRow, lines: readonly CostLine[], now: number) => {
    const window = windowOf(row.period, row.time_zone, now)
    const own = lines.filter((line) => isUnder(row, scopeOf(line)))
    const inside = own.filter((line) => line.hour + HOUR_MS > window.from && line.hour < window.to)
    const llm = inside.filter((line) => line.meter !== 'time')
    const sum = (some: readonly CostLine[]): Money => sumOf(some, 'loaded') ?? 0n
    return {
      window,
      llm: sum(llm),
      other: sum(inside.filter((line) => line.meter === 'time')),
      // No use yet is a spend of zero; use without a price is not.
      isUnknown: inside.length > 0 && sumOf(inside, 'loaded') === null,
      history: hourly(own),
    }
  }

  const stateOf = async (row: BudgetRow, lines: readonly CostLine[]): Promise<Budget> => {
    const now = clock.now()
    const spend = spendOf(row, lines, now)
    const kept = await store.window({
      project: row.project,
      name: row.name,
      windowFrom: spend.window.from,
    })
    // The ledger is a second behind; what was settled since is in the window's own count.
    const settled = BigInt(kept?.spent_micro ?? 0) * MICRO
    const llm = settled > spend.llm ? settled : spend.llm
    return budgetState(row, {
      spent: spend.isUnknown && llm === 0n ? null : llm + spend.other,
      held: BigInt(Math.max(0, kept?.leased_micro ?? 0)) * MICRO,
      history: spend.history,
      lastHourUsd: minutesOf(row).within(HOUR_MS, now),
      now,
    })
  }

  const minutesOf = (row: BudgetRow): SpendMinutes => {
    const id = `${row.project}/${row.name}`
    const known = minutes.get(id)
    if (known !== undefined) return known
    const made = createSpendMinutes()
    minutes.set(id, made)
    return made
  }

  const linesForBudgets = (): Promise<readonly CostLine[]> =>
    deps.lines({ from: clock.now() - HISTORY_MS - 3 * 24 * HOUR_MS, to: clock.now() + 1 })

  return {
    /** Every budget, as of the last look. */
    known: () => all,
    hard: () => all.filter((row) => row.hard_stop === 1),
    async states(rows: readonly BudgetRow[]): Promise<Budget[]> {
      if (rows.length === 0) return []
      const lines = await linesForBudgets()
      return Promise.all(rows.map((row) => stateOf(row, lines)))
    },
    /** Counts money as it is spent, for burn rates. */
    spend(scope: Parameters<typeof isUnder>[1], usd: Money, at: number): void {
      for (const row of all) if (isUnder(row, scope)) minutesOf(row).add(at, dollars(usd))
    },
    /** Reads the budgets, works out which hard stops stand, brings windows up to the ledger, and tells of what is new. */
    async refresh(): Promise<void> {
      all = await store.budgets()
      if (all.length === 0) {
        exceeded = []
        return
      }
      const now = clock.now()
      const lines = await linesForBudgets()
      const over: BudgetRow[] = []
      for (const row of all) {
        const spend = spendOf(row, lines, now)
        const key = { project: row.project, name: row.name, windowFrom: spend.window.from }
        if (spend.llm > 0n || spend.other > 0n)
          await store.reconcile(key, {
            llmMicro: Number(spend.llm / MICRO),
            otherMicro: Number(spend.other / MICRO),
          })
        const state = await stateOf(row, lines)
        if (row.hard_stop === 1 && state.state === 'exceeded') over.push(row)
        for (const notice of noticesOf(row, state, { minutes: minutesOf(row), now }))
          if (await store.firstTold({ ...key, kind: notice.kind }, now)) await deps.notify(notice)
      }
      exceeded = over
    },
    /** Fills the minutes of the last days from the ledger, each hour spread evenly: a restart must not look like a pause. */
    async remember(): Promise<void> {
      const now = clock.now()
      all = await store.budgets()
      if (all.length === 0) return
      for (const line of await deps.lines({ from: now - 3 * 24 * HOUR_MS, to: now + 1 })) {
        if (line.loaded === null || line.loaded === 0n) continue
        const part = dollars(line.loaded) / 60
        for (const row of all)
          if (isUnder(row, scopeOf(line)))
            for (let i = 0; i < 60; i++) minutesOf(row).add(line.hour + i * 60_000, part)
      }
    },
    mayServe(q: {
      project: string
      endpoint: string
      apiKeyId: string | null
    }): { kind: 'allowed' } | { kind: 'refused'; budget: string } {
      if (exceeded.length === 0) return ALLOWED
      const stop = exceeded.find((budget) => isUnder(budget, { ...q, tag: '' }))
      return stop === undefined ? ALLOWED : { kind: 'refused', budget: stop.name }
    },
  }
}
export type Budgets = ReturnType<typeof createBudgets>

const ALLOWED = { kind: 'allowed' } as const

const scopeOf = (line: CostLine) => ({
  project: line.project,
  endpoint: line.endpoint,
  apiKeyId: line.apiKeyId === '' ? null : line.apiKeyId,
  tag: line.tag,
})

function hourly(lines: readonly CostLine[]): HourlySpend {
  const hours = new Map<number, number>()
  for (const { hour, loaded } of lines)
    if (loaded !== null) hours.set(hour, (hours.get(hour) ?? 0) + dollars(loaded))
  return [...hours].toSorted(([a], [b]) => a - b).map(([hour, usd]) => ({ hour, usd }))
}
