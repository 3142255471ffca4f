/** Spend by the hour, oldest first, in dollars; `hour` is its beginning, epoch ms. */
export type HourlySpend = readonly Readonly<{ hour: number; usd: number }>[]

/** What a window will have cost at its end. `high` is passed one time in ten. */
export type Forecast = Readonly<{ usd: number; highUsd: number; exhaustedAt: number | null }>

const HOUR_MS = 3_600_000
const HOURS_OF_WEEK = 168
/** The 90th percentile of a normal distribution. */
const Z90 = 1.2816
/** Hours of history from which on the same hour of the week before is believed. */
const MIN_HISTORY_HOURS = HOURS_OF_WEEK

/**
 * Seasonal naive forecast: each hour to come costs what the same hour of the week cost on average (Hyndman and Athanasopoulos, "Forecasting: Principles
 * and Practice", 5.2), scaled by how this week compares with that; with less than a week of history, the pace of the window so far.
 * Hours are taken as independent for the band.
 */
export function forecast(
  history: HourlySpend,
  window: Readonly<{ from: number; to: number }>,
  at: Readonly<{ now: number; spent: number; limit: number }>
): Forecast {
  const { now, spent, limit } = at
  const elapsed = Math.max(1, now - window.from)
  const first = history[0]?.hour ?? now
  const thisHour = Math.floor(now / HOUR_MS) * HOUR_MS
  const isSeasonal = thisHour - first >= MIN_HISTORY_HOURS * HOUR_MS
  const expectOf = isSeasonal
    ? seasonal(history, thisHour)
    : () => ({ mean: (spent / elapsed) * HOUR_MS, variance: ((spent / elapsed) * HOUR_MS) ** 2 })
  let usd = spent
  let variance = 0
  let exhaustedAt: number | null = spent >= limit ? now : null
  for (let from = now; from < window.to;) {
    const to = Math.min(window.to, Math.floor(from / HOUR_MS) * HOUR_MS + HOUR_MS)
    const expected = expectOf(from)
    const share = (to - from) / HOUR_MS
    const more = expected.mean * share
    if (exhaustedAt === null && more > 0 && usd + more >= limit)
      exhaustedAt = Math.round(from + ((limit - usd) / more) * (to - from))
    usd += more
    variance += expected.variance * share
    from = to
  }
  return { usd, highUsd: usd + Z90 * Math.sqrt(variance), exhaustedAt }
}

function seasonal(history: HourlySpend, thisHour: number) {
  const slots = Array.from({ length: HOURS_OF_WEEK }, () => ({ n: 0, sum: 0, squares: 0 }))
  const spends = new Map(history.map(({ hour, usd }) => [hour, usd]))
  const first = history[0]?.hour ?? thisHour
  // Hours without spend count as such: they are absent from the ledger.
  for (let hour = first; hour < thisHour; hour += HOUR_MS) {
    const slot = slots[slotOf(hour)]
    const usd = spends.get(hour) ?? 0
    if (slot === undefined) continue
    slot.n++
    slot.sum += usd
    slot.squares += usd * usd
  }
  return (at: number): { mean: number; variance: number } => {
    const slot = slots[slotOf(at)]
    if (slot === undefined || slot.n === 0) return { mean: 0, variance: 0 }
    const mean = slot.sum / slot.n
    return {
      mean,
      variance: slot.n === 1 ? mean * mean : Math.max(0, slot.squares / slot.n - mean * mean),
    }
  }
}

const slotOf = (at: number): number => Math.floor(at / HOUR_MS) % HOURS_OF_WEEK
