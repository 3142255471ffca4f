import type { Budget } from '@trestle/contract'
import { formatMoney, MONEY_SCALE, parseMoney, type Money } from '../../../kernel/money.ts'
import { burnRate } from './burn-rate.ts'
import { forecast, type HourlySpend } from './forecast.ts'
import type { BudgetRow } from './store.ts'
import { windowOf } from './windows.ts'

/** Where a budget stands. `spent` null: nothing of what was used has a price. */
export function budgetState(
  row: BudgetRow,
  at: { spent: Money | null; held: Money; history: HourlySpend; lastHourUsd: number; now: number }
): Budget {
  const { spent, now } = at
  const window = windowOf(row.period, row.time_zone, now)
  const limit = parseMoney(row.usd) ?? 0n
  // In ten-thousandths, since money is not a float.
  const share = spent === null || limit === 0n ? null : Number((spent * 10_000n) / limit) / 10_000
  const heading =
    spent === null
      ? null
      : forecast(at.history, window, { now, spent: dollars(spent), limit: dollars(limit) })
  return {
    name: row.name,
    endpoint: row.endpoint,
    apiKey: row.api_key_id,
    tag: row.tag,
    everyProject: row.every_project === 1,
    period: row.period,
    timeZone: row.time_zone,
    usd: row.usd,
    warnAt: row.warn_at,
    hardStop: row.hard_stop === 1,
    periodFrom: window.from,
    periodTo: window.to,
    spentUsd: spent === null ? null : formatMoney(spent),
    heldUsd: formatMoney(at.held),
    share,
    state: stateOf(spent, limit, row.warn_at),
    forecastUsd: heading === null ? null : decimal(heading.usd),
    forecastHighUsd: heading === null ? null : decimal(heading.highUsd),
    exhaustedAt: heading?.exhaustedAt ?? null,
    burnRate:
      limit === 0n
        ? null
        : burnRate(at.lastHourUsd, {
            ms: 3_600_000,
            limit: dollars(limit),
            periodMs: window.to - window.from,
          }),
  }
}

/** Money as a float, for forecasts and rates: those are estimates. */
export const dollars = (money: Money): number => Number(money) / Number(MONEY_SCALE)

const decimal = (usd: number): string => {
  const text = usd.toFixed(12).replace(/\.?0+$/, '')
  return text === '-0' ? '0' : text
}

function stateOf(spent: Money | null, limit: Money, warnAt: number): Budget['state'] {
  if (spent === null) return 'unknown'
  if (spent >= limit) return 'exceeded'
  return spent * 10_000n >= limit * BigInt(Math.round(warnAt * 10_000)) ? 'warning' : 'ok'
}
