import type { Budget } from '@trestle/contract'
import type { Clock } from '../../kernel/clock.ts'
import { budgetState, periodOf } from './budget-state.ts'
import type { PricedHour } from './pricing.ts'
import { sumOf } from './report.ts'
import type { BudgetRow, CostStore } from './store.ts'

/** Budgets and what is spent of them. Spent is the loaded cost: idle time is paid for too. */
export function createBudgets(deps: {
  store: CostStore
  clock: Clock
  hours: (span: { from: number; to: number }) => Promise<PricedHour[]>
}) {
  const { store, clock } = deps
  let exceeded: readonly { project: string; endpoint: string | null; name: string }[] = []

  const stateOf = async (row: BudgetRow): Promise<Budget> => {
    const now = clock.now()
    const { from } = periodOf(row.period, now)
    const rows = (await deps.hours({ from, to: now + 1 }))
      .flatMap((hour) => hour.rows)
      .filter(
        (priced) =>
          priced.usage.project === row.project &&
          (row.endpoint === null || priced.usage.endpoint === row.endpoint)
      )
    // No use yet is a spend of zero; use without a price is not.
    return budgetState(row, rows.length === 0 ? 0n : sumOf(rows, 'loaded'), now)
  }

  return {
    stateOf,
    /** Works out which hard stops stand. */
    async refresh(): Promise<void> {
      const found: { project: string; endpoint: string | null; name: string }[] = []
      for (const row of await store.budgets()) {
        if (row.hard_stop !== 1) continue
        if ((await stateOf(row)).state === 'exceeded')
          found.push({ project: row.project, endpoint: row.endpoint, name: row.name })
      }
      exceeded = found
    },
    mayServe(q: {
      project: string
      endpoint: string
    }): { kind: 'allowed' } | { kind: 'refused'; budget: string } {
      const stop = exceeded.find(
        (budget) =>
          budget.project === q.project &&
          (budget.endpoint === null || budget.endpoint === q.endpoint)
      )
      return stop === undefined ? { kind: 'allowed' } : { kind: 'refused', budget: stop.name }
    },
  }
}
export type Budgets = ReturnType<typeof createBudgets>
