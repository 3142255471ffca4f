import type { Period } from './windows.ts'

/** A rule: alert while both windows burn at `rate` or faster, a budget that lasts its period exactly being 1. */
export type BurnRule = Readonly<{ longMs: number; shortMs: number; rate: number }>

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/**
 * Google's multi-window, multi-burn-rate rules (Site Reliability Workbook, "Alerting on SLOs"): a month is warned at 2 % spent in an hour, 5 % in six and
 * 10 % in three days. Shorter periods have windows in proportion, as far as minutes tell. The short window makes the alert end when the burning does.
 */
const RULES: Readonly<Record<Period, readonly BurnRule[]>> = {
  month: [
    { longMs: HOUR, shortMs: 5 * MINUTE, rate: 14.4 },
    { longMs: 6 * HOUR, shortMs: 30 * MINUTE, rate: 6 },
    { longMs: 3 * DAY, shortMs: 6 * HOUR, rate: 1 },
  ],
  week: [
    { longMs: HOUR, shortMs: 5 * MINUTE, rate: 8.4 },
    { longMs: 6 * HOUR, shortMs: 30 * MINUTE, rate: 2.8 },
  ],
  day: [
    { longMs: HOUR, shortMs: 5 * MINUTE, rate: 6 },
    { longMs: 4 * HOUR, shortMs: 20 * MINUTE, rate: 3 },
  ],
  hour: [],
}

/** Spend by the minute, kept for as long as the longest rule looks back. */
export interface SpendMinutes {
  add(at: number, usd: number): void
  /** Dollars spent in the last `ms` before `now`. */
  within(ms: number, now: number): number
}

const KEPT_MINUTES = (3 * DAY) / MINUTE

export function createSpendMinutes(): SpendMinutes {
  const minutes = new Map<number, number>()
  return {
    add(at, usd) {
      const minute = Math.floor(at / MINUTE)
      minutes.set(minute, (minutes.get(minute) ?? 0) + usd)
      for (const old of minutes.keys()) {
        if (old > minute - KEPT_MINUTES) break
        minutes.delete(old)
      }
    },
    within(ms, now) {
      const last = Math.floor(now / MINUTE)
      const first = last - Math.ceil(ms / MINUTE)
      let usd = 0
      for (const [minute, spent] of minutes) if (minute > first && minute <= last) usd += spent
      return usd
    },
  }
}

/** How fast money goes: 1 spends a budget of `limit` exactly in its period. */
export const burnRate = (
  spent: number,
  over: { ms: number; limit: number; periodMs: number }
): number => (over.limit === 0 ? 0 : (spent / over.ms) * (over.periodMs / over.limit))

/** The gravest rule that is broken now; null when none is. */
export function brokenRule(
  minutes: SpendMinutes,
  budget: { period: Period; limit: number; periodMs: number },
  now: number
): (BurnRule & { longRate: number; shortRate: number }) | null {
  for (const rule of RULES[budget.period]) {
    const rateOver = (ms: number): number =>
      burnRate(minutes.within(ms, now), { ms, limit: budget.limit, periodMs: budget.periodMs })
    const longRate = rateOver(rule.longMs)
    const shortRate = rateOver(rule.shortMs)
    if (longRate >= rule.rate && shortRate >= rule.rate) return { ...rule, longRate, shortRate }
  }
  return null
}
