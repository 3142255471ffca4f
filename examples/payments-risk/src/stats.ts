/**
 * The statistics job behind the feature views. It reads settled payments and confirmed disputes and
 * publishes a row per entity whenever one of its values changes: on entering and on leaving a window.
 * A row therefore holds for every moment until the next row of its entity, and no row contains anything
 * that happened after its `event_timestamp`.
 *
 * Windows are half open, (t - length, t]. A payment counts from `SETTLEMENT_MS` after authorisation, so
 * never for itself. Amounts are summed in whole cents, so nothing is lost when they leave again.
 */
import { cardAgeDays } from './population.ts'
import type { Customer, Merchant } from './population.ts'
import { Schedule } from './schedule.ts'
import type { Transaction } from './transaction.ts'

export const SETTLEMENT_MS = 1_000
const DAY_MS = 86_400_000
const MONTH_MS = 30 * DAY_MS
/** One invented payment of this many cents keeps the average of a silent entity sensible. */
export const PRIOR_CENTS = 4_000
/** Fraud rates start from 2 in 40 payments, so that one early dispute does not brand a merchant. */
export const PRIOR_FRAUD = { disputes: 2, payments: 40 } as const

export type CustomerStatsRow = Readonly<{
  customer_id: string
  event_timestamp: number
  created: number
  avg_amount_30d: number
  tx_count_24h: number
  card_age_days: number
  disputes_30d: number
}>

export type MerchantStatsRow = Readonly<{
  merchant_id: string
  event_timestamp: number
  created: number
  avg_amount_30d: number
  tx_count_30d: number
  fraud_rate_30d: number
}>

/** How the customers' average goes wrong upstream: it arrives as 0, or in cents. */
type Breakage = 'none' | 'zero' | 'cents'

export type Stats = Readonly<{
  /** Takes in a payment. Its effects are published when `advance` passes them. */
  add(transaction: Transaction): void
  /** Publishes all that changes up to and including this moment. */
  advance(to: number): void
  /** From now on publishes customer averages this way, and publishes every customer anew. */
  setBreakage(breakage: Breakage): void
  latestCustomer(customerId: string): CustomerStatsRow
  latestMerchant(merchantId: string): MerchantStatsRow
  /** The rows published since the last call, in order of time. */
  drain(): { customerStats: CustomerStatsRow[]; merchantStats: MerchantStatsRow[] }
}>

type Tally = { cents: number; month: number; day: number; disputes: number }
type CustomerState = Tally & { who: Customer; row: CustomerStatsRow }
type MerchantState = Tally & { who: Merchant; row: MerchantStatsRow }
/** What to add to the tallies of both sides. */
type Change = { customer: CustomerState; merchant: MerchantState | null; by: Partial<Tally> }

export function createStats(world: {
  startTime: number
  customers: readonly Customer[]
  merchants: readonly Merchant[]
}): Stats {
  const schedule = new Schedule<Change>()
  const customers = new Map<string, CustomerState>()
  const merchants = new Map<string, MerchantState>()
  let published = {
    customerStats: [] as CustomerStatsRow[],
    merchantStats: [] as MerchantStatsRow[],
  }
  let breakage: Breakage = 'none'
  let clock = world.startTime

  for (const who of world.customers) {
    const row = customerRow(who, { tally: emptyTally(), at: clock, breakage })
    customers.set(who.customer_id, { ...emptyTally(), who, row })
    published.customerStats.push(row)
  }
  for (const who of world.merchants) {
    const row = merchantRow(who, { tally: emptyTally(), at: clock })
    merchants.set(who.merchant_id, { ...emptyTally(), who, row })
    published.merchantStats.push(row)
  }

  /** One row per entity and moment, however many changes fall on that moment. */
  function publishNext(at: number): void {
    const touched = { customers: new Set<CustomerState>(), merchants: new Set<MerchantState>() }
    while (schedule.nextAt === at) {
      const change = schedule.take()?.item
      if (change === undefined) break
      applyTo(change.customer, change.by)
      touched.customers.add(change.customer)
      if (change.merchant === null) continue
      applyTo(change.merchant, change.by)
      touched.merchants.add(change.merchant)
    }
    for (const state of touched.customers) {
      state.row = customerRow(state.who, { tally: state, at, breakage })
      published.customerStats.push(state.row)
    }
    for (const state of touched.merchants) {
      const row = merchantRow(state.who, { tally: state, at })
      if (isSameMerchantRow(row, state.row)) continue
      state.row = row
      published.merchantStats.push(row)
    }
  }

  return {
    add(transaction) {
      const customer = known(customers, transaction.customer_id)
      const merchant = known(merchants, transaction.merchant_id)
      const cents = Math.round(transaction.request.amount * 100)
      const settledAt = transaction.event_timestamp + SETTLEMENT_MS
      schedule.add(settledAt, { customer, merchant, by: { cents, month: 1, day: 1 } })
      schedule.add(settledAt + DAY_MS, { customer, merchant, by: { day: -1 } })
      schedule.add(settledAt + MONTH_MS, { customer, merchant, by: { cents: -cents, month: -1 } })
      if (transaction.label.is_fraud === 0) return
      const confirmedAt = transaction.label.known_at
      schedule.add(confirmedAt, { customer, merchant, by: { disputes: 1 } })
      schedule.add(confirmedAt + MONTH_MS, { customer, merchant, by: { disputes: -1 } })
    },
    advance(to) {
      while (schedule.nextAt <= to) publishNext(schedule.nextAt)
      clock = Math.max(clock, to)
    },
    setBreakage(next) {
      if (next === breakage) return
      breakage = next
      for (const customer of customers.values())
        schedule.add(clock + 1, { customer, merchant: null, by: {} })
    },
    latestCustomer: (customerId) => known(customers, customerId).row,
    latestMerchant: (merchantId) => known(merchants, merchantId).row,
    drain() {
      const rows = published
      published = { customerStats: [], merchantStats: [] }
      return rows
    },
  }
}

function emptyTally(): Tally {
  return { cents: 0, month: 0, day: 0, disputes: 0 }
}

function applyTo(tally: Tally, by: Partial<Tally>): void {
  tally.cents += by.cents ?? 0
  tally.month += by.month ?? 0
  tally.day += by.day ?? 0
  tally.disputes += by.disputes ?? 0
}

function averageAmount(tally: Tally): number {
  return Math.round((tally.cents + PRIOR_CENTS) / (tally.month + 1)) / 100
}

function customerRow(
  who: Customer,
  seen: { tally: Tally; at: number; breakage: Breakage }
): CustomerStatsRow {
  const average = averageAmount(seen.tally)
  const factor = { none: 1, zero: 0, cents: 100 }[seen.breakage]
  return {
    customer_id: who.customer_id,
    event_timestamp: seen.at,
    created: seen.at,
    avg_amount_30d: Math.round(average * factor * 100) / 100,
    tx_count_24h: seen.tally.day,
    card_age_days: cardAgeDays(who, seen.at),
    disputes_30d: seen.tally.disputes,
  }
}

function merchantRow(who: Merchant, seen: { tally: Tally; at: number }): MerchantStatsRow {
  const { tally, at } = seen
  const rate = (tally.disputes + PRIOR_FRAUD.disputes) / (tally.month + PRIOR_FRAUD.payments)
  return {
    merchant_id: who.merchant_id,
    event_timestamp: at,
    created: at,
    avg_amount_30d: averageAmount(tally),
    tx_count_30d: tally.month,
    fraud_rate_30d: Math.round(rate * 100_000) / 100_000,
  }
}

function isSameMerchantRow(a: MerchantStatsRow, b: MerchantStatsRow): boolean {
  return (
    a.avg_amount_30d === b.avg_amount_30d &&
    a.tx_count_30d === b.tx_count_30d &&
    a.fraud_rate_30d === b.fraud_rate_30d
  )
}

function known<T>(states: ReadonlyMap<string, T>, id: string): T {
  const state = states.get(id)
  if (state === undefined) throw new Error(`"${id}" is not in this simulation`)
  return state
}
