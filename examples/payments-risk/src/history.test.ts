import { beforeAll, expect, test } from 'vitest'
import { modelInput } from './features.ts'
import { customerStatsHistory, merchantStatsHistory } from './history.ts'
import { cardAgeDays } from './population.ts'
import { createSimulator } from './simulator.ts'
import { PRIOR_CENTS, PRIOR_FRAUD, SETTLEMENT_MS } from './stats.ts'
import type { CustomerStatsRow, MerchantStatsRow } from './stats.ts'
import type { Transaction } from './transaction.ts'

const DAY_MS = 86_400_000
const START = Date.UTC(2026, 0, 5)
const world = { seed: 11, startTime: START, customers: 60, merchants: 12 }
const simulator = createSimulator(world)
const { customers, merchants } = simulator
const stream: { transaction: Transaction; seen: ReturnType<typeof simulator.latestFeatures> }[] = []
let customerRows: CustomerStatsRow[] = []
let merchantRows: MerchantStatsRow[] = []
const transactions = () => stream.map(({ transaction }) => transaction)

beforeAll(() => {
  // Some 80 days, so that payments and disputes also leave the 30-day windows.
  for (let i = 0; i < 3_000; i++) {
    const transaction = simulator.next()
    stream.push({ transaction, seen: simulator.latestFeatures(transaction) })
  }
  const past = { startTime: START, customers, merchants, transactions: transactions() }
  customerRows = [...customerStatsHistory(past)]
  merchantRows = [...merchantStatsHistory(past)]
})

/** What is known at `at`, counted afresh from the payments themselves. */
function recount(at: number, isTheirs: (t: Transaction) => boolean) {
  const theirs = transactions().filter(isTheirs)
  const settled = (length: number) =>
    theirs.filter((t) => {
      const since = at - (t.event_timestamp + SETTLEMENT_MS)
      return since >= 0 && since < length
    })
  const month = settled(30 * DAY_MS)
  const cents = month.reduce((sum, t) => sum + Math.round(t.request.amount * 100), PRIOR_CENTS)
  const disputes = theirs.filter(({ label }) => {
    const since = at - label.known_at
    return label.is_fraud === 1 && since >= 0 && since < 30 * DAY_MS
  }).length
  const rate = (disputes + PRIOR_FRAUD.disputes) / (month.length + PRIOR_FRAUD.payments)
  return {
    average: Math.round(cents / (month.length + 1)) / 100,
    month: month.length,
    day: settled(DAY_MS).length,
    disputes,
    rate: Math.round(rate * 100_000) / 100_000,
  }
}

test('every customer row equals a recount of what was settled and disputed by its own time', () => {
  for (const row of customerRows.filter((_, index) => index % 17 === 0)) {
    const customer = customers.find((c) => c.customer_id === row.customer_id)!
    const known = recount(row.event_timestamp, (t) => t.customer_id === row.customer_id)
    expect(row).toEqual({
      customer_id: row.customer_id,
      event_timestamp: row.event_timestamp,
      created: row.event_timestamp,
      avg_amount_30d: known.average,
      tx_count_24h: known.day,
      card_age_days: cardAgeDays(customer, row.event_timestamp),
      disputes_30d: known.disputes,
    })
  }
})

test('every merchant row equals a recount of what was settled and disputed by its own time', () => {
  for (const row of merchantRows.filter((_, index) => index % 17 === 0)) {
    const known = recount(row.event_timestamp, (t) => t.merchant_id === row.merchant_id)
    expect(row).toMatchObject({
      avg_amount_30d: known.average,
      tx_count_30d: known.month,
      fraud_rate_30d: known.rate,
    })
  }
})

test('a payment meets the last row before it, and that row holds for the very moment', () => {
  for (const { transaction, seen } of stream.slice(-200)) {
    const at = transaction.event_timestamp
    const customer = customerRows.findLast(
      (row) => row.customer_id === transaction.customer_id && row.event_timestamp <= at
    )
    const merchant = merchantRows.findLast(
      (row) => row.merchant_id === transaction.merchant_id && row.event_timestamp <= at
    )
    expect(seen).toEqual({ customer, merchant })
    const known = recount(at, (t) => t.customer_id === transaction.customer_id)
    expect(seen.customer).toMatchObject({
      avg_amount_30d: known.average,
      tx_count_24h: known.day,
      disputes_30d: known.disputes,
    })
  }
})

test('features never see the future: cutting the stream off changes no earlier row', () => {
  const cut = stream[1_500]!.transaction.event_timestamp
  const past = { startTime: START, customers, merchants, until: cut }
  const before = transactions().filter((t) => t.event_timestamp <= cut)
  expect([...customerStatsHistory({ ...past, transactions: before })]).toEqual(
    customerRows.filter((row) => row.event_timestamp <= cut)
  )
  expect([...merchantStatsHistory({ ...past, transactions: before })]).toEqual(
    merchantRows.filter((row) => row.event_timestamp <= cut)
  )
})

test('a payment is never part of its own features', () => {
  const first = stream.find(({ seen }) => seen.customer.tx_count_24h === 0)!
  const { transaction, seen } = first
  const dearer = { ...transaction, request: { ...transaction.request, amount: 1_000_000 } }
  expect(modelInput(dearer, seen).slice(1)).toEqual(modelInput(transaction, seen).slice(1))
  for (const { transaction: t, seen: s } of stream) {
    expect(s.customer.event_timestamp).toBeLessThanOrEqual(t.event_timestamp)
    expect(s.merchant.event_timestamp).toBeLessThanOrEqual(t.event_timestamp)
  }
})

test('rows come in order of time, one per entity and moment', () => {
  const times = customerRows.map((row) => row.event_timestamp)
  expect(times).toEqual(times.toSorted((a, b) => a - b))
  const keys = customerRows.map((row) => `${row.customer_id}@${row.event_timestamp}`)
  expect(new Set(keys).size).toBe(keys.length)
})
