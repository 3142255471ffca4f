import type { Clock } from '../../kernel/clock.ts'
import { decimal } from './gates/words.ts'
import type { EvidencePort } from './ports.ts'

/** How much the copies of one shadow may still cost today. */
export interface ShadowBudgets {
  watch(shadow: { rolloutId: string; endpointId: string; variant: string; capUsd: number }): void
  unwatch(rolloutId: string): void
  /** Asked before each copy, on the path of predictions: answers from memory and counts the copy. */
  mayShadow(endpointId: string, variant: string): boolean
  /** Reads from the ledger what today's copies cost so far. */
  refresh(): Promise<void>
  /** Why no copies are made; null while they are, or without a cap. */
  whyStopped(rolloutId: string): string | null
}

/** Copies that may be made before the first of them has a price. */
const BEFORE_A_PRICE = 200
const DAY_MS = 86_400_000

type Budget = {
  rolloutId: string
  endpointId: string
  variant: string
  capUsd: number
  /** Copies that the rest of today's money is enough for; null: their price is not known. */
  left: number | null
  booked: number
  spentUsd: number
  /** Made since the ledger was read, and between the two readings before: the ledger may not have those yet. */
  made: number
  madeBefore: number
}

/** Of a price that nobody knows nothing can be said to be under a cap: after the first copies it makes no more. */
export function createShadowBudgets(deps: {
  costOf: EvidencePort['costOf']
  clock: Clock
}): ShadowBudgets {
  const budgets = new Map<string, Budget>()
  const keyOf = (endpointId: string, variant: string): string => `${endpointId}/${variant}`

  const isOpen = (budget: Budget): boolean => {
    const unbooked = budget.made + budget.madeBefore
    return budget.left === null ? budget.booked + unbooked < BEFORE_A_PRICE : unbooked < budget.left
  }

  return {
    watch({ rolloutId, endpointId, variant, capUsd }) {
      const key = keyOf(endpointId, variant)
      if (budgets.get(key)?.rolloutId === rolloutId) return
      const fresh = { left: null, booked: 0, spentUsd: 0, made: 0, madeBefore: 0 }
      budgets.set(key, { rolloutId, endpointId, variant, capUsd, ...fresh })
    },
    unwatch(rolloutId) {
      for (const [key, budget] of budgets) if (budget.rolloutId === rolloutId) budgets.delete(key)
    },
    mayShadow(endpointId, variant) {
      if (budgets.size === 0) return true
      const budget = budgets.get(keyOf(endpointId, variant))
      if (budget === undefined) return true
      if (!isOpen(budget)) return false
      budget.made++
      return true
    },
    async refresh() {
      const now = deps.clock.now()
      for (const budget of budgets.values()) {
        const { endpointId, variant } = budget
        const from = Math.floor(now / DAY_MS) * DAY_MS
        const cost = await deps.costOf({ endpointId, variant, from, to: now })
        budget.madeBefore = budget.made
        budget.made = 0
        budget.booked = cost.predictions
        if (cost.usdPer1000 === null) {
          budget.left = null
          continue
        }
        const each = cost.usdPer1000 / 1_000
        budget.spentUsd = each * cost.predictions
        const rest = budget.capUsd - budget.spentUsd
        budget.left = each > 0 ? Math.max(0, Math.floor(rest / each)) : Infinity
      }
    },
    whyStopped(rolloutId) {
      const budget = [...budgets.values()].find((b) => b.rolloutId === rolloutId)
      if (budget === undefined || isOpen(budget)) return null
      return budget.left === null
        ? `no copies are made: they have no price, so that the day's cap of $${decimal(budget.capUsd)} can't be kept`
        : `no more copies today: $${decimal(budget.spentUsd)} of the day's $${decimal(budget.capUsd)} is spent`
    },
  }
}
