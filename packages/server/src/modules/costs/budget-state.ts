import type { Budget } from '@trestle/contract'
import { formatMoney, multiplyMoney, parseMoney, type Money } from '../../kernel/money.ts'
import type { BudgetRow } from './store.ts'

const DAY_MS = 86_400_000

/** The day or month (UTC) that `now` is in. */
export function periodOf(period: 'day' | 'month', now: number): { from: number; to: number } {
  if (period === 'day') {
    const from = Math.floor(now / DAY_MS) * DAY_MS
    return { from, to: from + DAY_MS }
  }
  const date = new Date(now)
  const year = date.getUTCFullYear()
  const month = date.getUTCMonth()
  return { from: Date.UTC(year, month), to: Date.UTC(year, month + 1) }
}

/** Where a budget stands. The forecast goes on at the pace of the period so far. */
export function budgetState(row: BudgetRow, spent: Money | null, now: number): Budget {
  const { from, to } = periodOf(row.period, now)
  const limit = parseMoney(row.usd) ?? 0n
  const elapsed = BigInt(Math.max(1, now - from))
  const forecast = spent === null ? null : multiplyMoney(spent, BigInt(to - from), elapsed)
  // In ten-thousandths, since money is not a float.
  const share = spent === null || limit === 0n ? null : Number((spent * 10_000n) / limit) / 10_000
  return {
    name: row.name,
    endpoint: row.endpoint,
    period: row.period,
    usd: row.usd,
    warnAt: row.warn_at,
    hardStop: row.hard_stop === 1,
    periodFrom: from,
    periodTo: to,
    spentUsd: spent === null ? null : formatMoney(spent),
    share,
    state: stateOf(spent, limit, row.warn_at),
    forecastUsd: forecast === null ? null : formatMoney(forecast),
    exhaustedAt:
      spent === null || spent <= 0n || forecast === null || forecast <= limit
        ? null
        : from + Number((elapsed * limit) / spent),
  }
}

function stateOf(spent: Money | null, limit: Money, warnAt: number): Budget['state'] {
  if (spent === null) return 'unknown'
  if (spent >= limit) return 'exceeded'
  return spent * 10_000n >= limit * BigInt(Math.round(warnAt * 10_000)) ? 'warning' : 'ok'
}
