import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseMoney } from '../../kernel/money.ts'
import { costLines } from './cost-line.ts'
import { priceAt, priceHour, priceHours } from './pricing.ts'
import { toReport } from './report.ts'
import type { RateCardRow } from './store.ts'
import { HOUR_MS } from '../../kernel/hour.ts'
import type { UsageRow } from './usage.ts'

const HOUR = 1_795_456_800_000

const usage = (over: Partial<UsageRow> = {}): UsageRow => ({
  hour: HOUR,
  project: 'default',
  endpoint_id: 'ep_1',
  endpoint: 'fraud',
  variant: 'v1',
  model_name: 'fraud',
  model_version: 1,
  role: 'live',
  api_key_id: '',
  device: 'cpu',
  requests: 1,
  predictions: 1,
  busy_us: 1_000,
  ...over,
})

const card = (over: Partial<RateCardRow> = {}): RateCardRow => ({
  name: 'c',
  device: 'cpu',
  usd_per_unit_hour: '1.2',
  units: null,
  valid_from: 0,
  valid_to: null,
  source: 'contract',
  created_at: 1,
  ...over,
})

const hour = (rows: UsageRow[], capacityUs: number, price = '1.2') =>
  priceHour({ hour: HOUR, device: 'cpu' }, rows, {
    capacity: { hour: HOUR, device: 'cpu', available_us: capacityUs },
    price: { usdPerUnitHour: parseMoney(price) ?? 0n, units: null, isDefault: false },
  })

test('two models on one machine: direct cost, idle time and loaded cost of a known case', () => {
  const priced = hour(
    [
      usage({ variant: 'a', busy_us: 600e6, predictions: 12_000 }),
      usage({ variant: 'b', busy_us: 300e6, predictions: 3_000 }),
    ],
    3_600e6
  )
  const report = toReport([priced], costLines([priced], []), {
    project: 'default',
    endpoint: undefined,
    groupBy: ['variant'],
    from: HOUR,
    to: HOUR + HOUR_MS,
  })
  expect(report.rows.map((r) => [r.directUsd, r.loadedUsd, r.loadedUsdPer1000])).toEqual([
    ['0.2', '0.8', '0.066666666667'],
    ['0.1', '0.4', '0.133333333333'],
  ])
  expect(report.bill).toMatchObject({ billUsd: '1.2', directUsd: '0.3', idleUsd: '0.9' })
})

test('rows and idle time sum to the bill, to the last unit, whatever was used', () => {
  const rows = fc.array(
    fc.record({
      busy_us: fc.integer({ min: 0, max: 4e9 }),
      variant: fc.constantFrom('a', 'b', 'c'),
      project: fc.constantFrom('p', 'q'),
      hour: fc.constantFrom(HOUR, HOUR + HOUR_MS),
      device: fc.constantFrom('cpu' as const, 'gpu' as const),
    }),
    { maxLength: 20 }
  )
  const capacity = fc.array(
    fc.record({
      hour: fc.constantFrom(HOUR, HOUR + HOUR_MS),
      device: fc.constantFrom('cpu' as const, 'gpu' as const),
      available_us: fc.integer({ min: 0, max: 2e10 }),
    }),
    { maxLength: 4 }
  )
  const price = fc.bigInt({ min: 0n, max: 10n ** 14n })
  fc.assert(
    fc.property(rows, capacity, price, (used, supplied, units) => {
      const text = `${units / 10n ** 12n}.${String(units % 10n ** 12n).padStart(12, '0')}`
      const cards = [card({ usd_per_unit_hour: text }), card({ name: 'g', device: 'gpu' })]
      for (const priced of priceHours(
        used.map((u) => usage(u)),
        supplied,
        cards
      )) {
        const direct = priced.rows.reduce((sum, row) => sum + (row.direct ?? 0n), 0n)
        const loaded = priced.rows.reduce((sum, row) => sum + (row.loaded ?? 0n), 0n)
        expect(direct).toBe(priced.direct)
        expect(direct + priced.idle).toBe(priced.bill)
        expect(priced.idle >= 0n).toBe(true)
        expect(loaded).toBe(priced.busyUs === 0 ? 0n : priced.bill)
      }
    })
  )
})

test('more busy time than capacity never costs more than the bill', () => {
  const priced = hour([usage({ busy_us: 5_000e6 }), usage({ busy_us: 5_000e6 })], 3_600e6)
  expect(priced).toMatchObject({ bill: parseMoney('1.2'), direct: parseMoney('1.2'), idle: 0n })
})

test('a device without a price is unpriced, not free', () => {
  const [priced] = priceHours([usage({ device: 'gpu', predictions: 7 })], [], [])
  if (priced === undefined) throw new Error('one hour was given')
  expect(priced.rows[0]).toMatchObject({ direct: null, loaded: null, status: 'unpriced' })
  const report = toReport([priced], costLines([priced], []), {
    project: 'default',
    endpoint: undefined,
    groupBy: ['endpoint'],
    from: HOUR,
    to: HOUR + HOUR_MS,
  })
  expect(report.rows[0]).toMatchObject({
    directUsd: null,
    loadedUsdPer1000: null,
    status: 'unpriced',
    unpricedPredictions: 7,
  })
})

test('a group of which a part has no price gives what is known and no price per prediction', () => {
  const priced = priceHours([usage(), usage({ device: 'gpu' })], [], [card()])
  const report = toReport(priced, costLines(priced, []), {
    project: 'default',
    endpoint: undefined,
    groupBy: ['endpoint'],
    from: HOUR,
    to: HOUR + HOUR_MS,
  })
  expect(report.rows[0]).toMatchObject({ status: 'unpriced', loadedUsdPer1000: null })
  expect(report.rows[0]?.directUsd).not.toBeNull()
})

test('the card in force is the one that began last; without one the built-in price is an estimate', () => {
  const cards = [
    card({ name: 'old', usd_per_unit_hour: '1' }),
    card({ name: 'new', usd_per_unit_hour: '2', valid_from: HOUR, valid_to: HOUR + HOUR_MS }),
  ]
  expect(priceAt(cards, 'cpu', HOUR - HOUR_MS)?.usdPerUnitHour).toBe(parseMoney('1'))
  expect(priceAt(cards, 'cpu', HOUR)?.usdPerUnitHour).toBe(parseMoney('2'))
  expect(priceAt(cards, 'cpu', HOUR + HOUR_MS)?.usdPerUnitHour).toBe(parseMoney('1'))
  expect(priceAt([], 'cpu', HOUR)).toMatchObject({ isDefault: true })
  expect(priceAt([], 'gpu', HOUR)).toBeNull()
})
