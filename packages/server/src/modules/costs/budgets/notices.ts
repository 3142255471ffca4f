import type { Budget } from '@trestle/contract'
import { dollars } from './budget-state.ts'
import { brokenRule, type SpendMinutes } from './burn-rate.ts'
import type { BudgetRow } from './store.ts'
import { parseMoney } from '../../../kernel/money.ts'

/** Something about a budget that people should know; told once in a window. */
export type SpendNotice = Readonly<{
  project: string
  kind: string
  severity: 'info' | 'warning' | 'critical'
  title: string
  subject: string
  details: Readonly<Record<string, string>>
}>

/** A forecast is told of once this share of its window is over: before, it is mostly guessing. */
const FORECAST_FROM = 0.1

/** What there is to tell of a budget now. */
export function noticesOf(
  row: BudgetRow,
  state: Budget,
  at: { minutes: SpendMinutes; now: number }
): SpendNotice[] {
  const base = {
    project: row.project,
    subject: `budget ${row.name}`,
    details: {
      budget: `$${row.usd} a ${row.period}`,
      spent: `$${state.spentUsd ?? 'unknown'}`,
      for: row.endpoint ?? row.tag ?? row.api_key_id ?? 'everything',
    },
  }
  const notices: SpendNotice[] = []
  if (state.state === 'exceeded')
    notices.push({
      ...base,
      kind: 'exceeded',
      severity: 'critical',
      title: `The budget "${row.name}" is spent${row.hard_stop === 1 ? ': calls are refused' : ''}`,
    })
  else if (state.state === 'warning')
    notices.push({
      ...base,
      kind: 'warning',
      severity: 'warning',
      title: `The budget "${row.name}" is ${Math.floor((state.share ?? 0) * 100)} % spent`,
    })
  const periodMs = state.periodTo - state.periodFrom
  const isEarly = at.now - state.periodFrom < periodMs * FORECAST_FROM
  if (!isEarly && state.state !== 'exceeded' && state.exhaustedAt !== null)
    notices.push({
      ...base,
      kind: 'forecast',
      severity: 'warning',
      title: `The budget "${row.name}" will be spent before its ${row.period} is over`,
      details: {
        ...base.details,
        forecast: `$${state.forecastUsd ?? ''}`,
        'spent by': new Date(state.exhaustedAt).toISOString(),
      },
    })
  const limit = dollars(parseMoney(row.usd) ?? 0n)
  const broken = brokenRule(at.minutes, { period: row.period, limit, periodMs }, at.now)
  if (broken !== null)
    notices.push({
      ...base,
      kind: `burn-${broken.longMs / 3_600_000}h`,
      severity: broken.rate >= 6 ? 'critical' : 'warning',
      title: `The budget "${row.name}" burns ${broken.longRate.toFixed(1)} times too fast`,
      details: {
        ...base.details,
        'last hours': `${broken.longMs / 3_600_000} h at ${broken.longRate.toFixed(1)}, the last ${broken.shortMs / 60_000} min at ${broken.shortRate.toFixed(1)}`,
      },
    })
  return notices
}
