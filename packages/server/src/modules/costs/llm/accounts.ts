import { formatMoney, type Money } from '../../../kernel/money.ts'
import type { Clock } from '../../../kernel/clock.ts'
import type { ChargeScope, LlmAccounts } from '../../serving/index.ts'
import { isUnder, type Reservations } from '../budgets/reservations.ts'
import type { BudgetRow } from '../budgets/store.ts'
import type { Prices } from './prices.ts'

/** What serving asks of whoever keeps prices and budgets: answers from memory, but for when a lease runs out. */
export function createLlmAccounts(deps: {
  prices: Prices
  reservations: Reservations
  clock: Clock
  hardBudgets: () => readonly BudgetRow[]
  onSpent: (scope: ChargeScope, usd: Money, at: number) => void
}): LlmAccounts {
  const { prices, reservations, clock } = deps
  return {
    reserve(scope, bound) {
      const most = prices.bound(bound)
      if (most === null) {
        // What has no price can't be kept within a budget: no data is never good news.
        const stop = deps.hardBudgets().find((budget) => isUnder(budget, scope))
        if (stop !== undefined)
          return { kind: 'refused', budget: stop.name, reason: 'unpriced', retryAfterMs: null }
      }
      const toHold = (
        answer: Awaited<ReturnType<Reservations['reserve']>>
      ): Awaited<ReturnType<LlmAccounts['reserve']>> =>
        answer.kind === 'refused'
          ? {
              kind: 'refused',
              budget: answer.budget.name,
              reason: 'spent',
              retryAfterMs: Math.max(0, answer.retryAt - clock.now()),
            }
          : {
              kind: 'held',
              settle(used) {
                const usd = used === null ? 0n : (prices.cost(used) ?? 0n)
                answer.settle(usd)
                if (usd > 0n) deps.onSpent(scope, usd, clock.now())
              },
            }
      const answer = reservations.reserve(scope, most ?? 0n)
      return answer instanceof Promise ? answer.then(toHold) : toHold(answer)
    },
    priceOf(used) {
      const usd = prices.cost(used)
      return usd === null ? null : formatMoney(usd)
    },
  }
}
