import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { createSimulator } from './simulator.ts'
import type { Drift, Simulator } from './simulator.ts'
import type { Transaction } from './transaction.ts'

const START = Date.UTC(2026, 0, 5)
const simulate = (drift: Drift | null = null, seed = 7) =>
  createSimulator({ seed, startTime: START, customers: 500, merchants: 80, drift })
const take = (simulator: Simulator, count: number) =>
  Array.from({ length: count }, () => simulator.next())
const digest = (value: unknown) =>
  createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16)
const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
const fraudRate = (transactions: Transaction[]) => mean(transactions.map((t) => t.label.is_fraud))

test('the same seed gives the same stream, on every machine', () => {
  const stream = take(simulate(), 3_000)
  expect(take(simulate(), 3_000)).toEqual(stream)
  expect(digest(stream)).toMatchInlineSnapshot(`"ff3181e9d823ca4b"`)
  expect(digest(take(simulate(null, 8), 3_000))).not.toBe(digest(stream))
})

test('the stream goes forward in time, ids are unique, labels come an hour later at the earliest', () => {
  const stream = take(simulate(), 3_000)
  const times = stream.map((t) => t.event_timestamp)
  expect(times).toEqual(times.toSorted((a, b) => a - b))
  expect(new Set(stream.map((t) => t.transaction_id)).size).toBe(3_000)
  for (const t of stream)
    expect(t.label.known_at - t.event_timestamp).toBeGreaterThanOrEqual(3_600_000)
})

test('between 3 and 6 in a hundred payments are fraud, whatever the seed', () => {
  for (const seed of [1, 2, 3]) {
    const rate = fraudRate(take(simulate(null, seed), 10_000))
    expect(rate).toBeGreaterThan(0.03)
    expect(rate).toBeLessThan(0.06)
  }
})

test('fraud follows the stated process: abroad, by night and in a burst it is several times as common', () => {
  const stream = take(simulate(), 15_000)
  const where = (test: (request: Transaction['request']) => boolean) =>
    fraudRate(stream.filter((t) => test(t.request)))
  expect(where((r) => r.country_mismatch === 1)).toBeGreaterThan(
    2.5 * where((r) => r.country_mismatch === 0)
  )
  expect(where((r) => r.hour < 6)).toBeGreaterThan(1.5 * where((r) => r.hour >= 6))
  expect(where((r) => r.tx_count_1h > 0)).toBeGreaterThan(2 * where((r) => r.tx_count_1h === 0))
})

test('tx_count_1h counts exactly the other payments of the hour before', () => {
  const stream = take(simulate(), 1_200)
  stream.forEach((t, index) => {
    const others = stream
      .slice(0, index)
      .filter(
        (o) => o.customer_id === t.customer_id && o.event_timestamp > t.event_timestamp - 3_600_000
      )
    expect(t.request.tx_count_1h).toBe(others.length)
  })
})

describe('drift', () => {
  const settled = 3_000
  /** The stream after a quiet start, with drift on. */
  function after(drift: Drift | null) {
    const simulator = simulate()
    take(simulator, settled)
    simulator.drainFeatureRows()
    simulator.setDrift(drift)
    const stream = take(simulator, 6_000)
    return { stream, rows: simulator.drainFeatureRows() }
  }
  const usual = after(null)
  const requests = (run: typeof usual) => run.stream.map((t) => t.request)
  const labels = (run: typeof usual) => run.stream.map((t) => t.label.is_fraud)

  test('covariate drift makes purchases dearer, and more of them abroad and online', () => {
    const shifted = requests(after('covariate'))
    const amount = (all: typeof shifted) => mean(all.map((r) => Math.log(r.amount)))
    expect(amount(shifted) - amount(requests(usual))).toBeCloseTo(Math.log(1.9), 1)
    const abroad = (all: typeof shifted) => mean(all.map((r) => r.country_mismatch))
    expect(abroad(shifted)).toBeGreaterThan(2 * abroad(requests(usual)))
    const online = (all: typeof shifted) => mean(all.map((r) => Number(r.channel === 2)))
    expect(online(shifted)).toBeGreaterThan(1.3 * online(requests(usual)))
  })

  test('concept drift leaves every request as it was and changes who is a fraud', () => {
    const changed = after('concept')
    expect(requests(changed)).toEqual(requests(usual))
    const abroad = (run: typeof usual) =>
      fraudRate(run.stream.filter((t) => t.request.country_mismatch === 1))
    expect(abroad(changed)).toBeLessThan(0.5 * abroad(usual))
    expect(Math.abs(mean(labels(changed)) - mean(labels(usual)))).toBeLessThan(0.02)
  })

  test('a broken feature changes neither requests nor labels, only the published average', () => {
    const broken = after('broken-feature')
    expect(broken.stream).toEqual(usual.stream)
    expect(broken.rows.merchantStats).toEqual(usual.rows.merchantStats)
    expect(broken.rows.customerStats.every((row) => row.avg_amount_30d === 0)).toBe(true)
    expect(usual.rows.customerStats.every((row) => row.avg_amount_30d > 0)).toBe(true)
  })

  test('a broken feature reaches every customer at once, and leaves as fast', () => {
    const simulator = simulate()
    take(simulator, settled)
    const average = () => {
      const t = simulator.next()
      return simulator.latestFeatures(t).customer.avg_amount_30d
    }
    simulator.setDrift('broken-feature')
    expect(Array.from({ length: 200 }, average).every((value) => value === 0)).toBe(true)
    simulator.setDrift(null)
    expect(Array.from({ length: 200 }, average).every((value) => value > 0)).toBe(true)
  })

  test('an average in cents is a hundred times what it was', () => {
    const options = { seed: 7, startTime: START, customers: 50, merchants: 20 } as const
    const right = createSimulator(options)
    const cents = createSimulator({ ...options, drift: 'broken-feature', brokenAs: 'cents' })
    take(right, 2_000)
    take(cents, 2_000)
    const last = right.next()
    const expected = right.latestFeatures(last).customer.avg_amount_30d * 100
    expect(cents.latestFeatures(cents.next()).customer.avg_amount_30d).toBeCloseTo(expected, 6)
  })
})
