import { multiplyMoney, parseMoney, splitMoney, type Money } from '../../kernel/money.ts'
import type { CapacityRow, RateCardRow } from './store.ts'
import { HOUR_MS } from '../../kernel/hour.ts'
import type { Device, UsageRow } from './usage.ts'

/** A price in force. `isDefault`: the built-in one, so that what it prices is an estimate. */
export type Price = Readonly<{ usdPerUnitHour: Money; units: number | null; isDefault: boolean }>

/**
 * How sure a cost is. `estimated`: a built-in price, or tokens that were counted here. `partial`: of a call that was cut short. `unmetered`: what was used
 * is not known. `unpriced`: it has no price.
 */
export type CostStatus = 'measured' | 'estimated' | 'partial' | 'unpriced' | 'unmetered'

/** A usage row with what it cost; null without a price. `loaded` is direct cost plus its share of the idle time. */
export type PricedRow = Readonly<{
  usage: UsageRow
  direct: Money | null
  loaded: Money | null
  status: 'measured' | 'estimated' | 'unpriced'
}>

/** One device in one hour: `direct + idle = bill`, to the last unit. */
export type PricedHour = Readonly<{
  hour: number
  device: Device
  status: CostStatus
  rows: readonly PricedRow[]
  bill: Money
  direct: Money
  idle: Money
  capacityUs: number
  busyUs: number
}>

/** The built-in price of a vCPU-hour: half an m7g.large (2 vCPU, $0.0816 an hour on demand, Linux, us-east-1). Put a rate card of your own in its place. */
export const DEFAULT_CPU_CARD = {
  name: 'default-cpu',
  device: 'cpu',
  usdPerUnitHour: '0.0408',
  units: null,
  validFrom: 0,
  validTo: null,
  source: 'AWS EC2 on-demand price list, m7g.large, Linux, us-east-1, June 2026, per vCPU',
} as const

const US_PER_HOUR = BigInt(HOUR_MS) * 1_000n

/** The price of a device in the hour that begins at `hour`: the card that is in force and began last; for a CPU else the built-in one. */
export function priceAt(cards: readonly RateCardRow[], device: Device, hour: number): Price | null {
  const inForce = cards
    .filter(
      (card) =>
        card.device === device &&
        card.valid_from <= hour &&
        (card.valid_to === null || hour < card.valid_to)
    )
    .toSorted((a, b) => b.valid_from - a.valid_from || b.created_at - a.created_at)
  const [card] = inForce
  const text =
    card?.usd_per_unit_hour ?? (device === 'cpu' ? DEFAULT_CPU_CARD.usdPerUnitHour : null)
  const usdPerUnitHour = text === null ? null : parseMoney(text)
  if (usdPerUnitHour === null) return null
  return { usdPerUnitHour, units: card?.units ?? null, isDefault: card === undefined }
}

/**
 * Prices one device's hour. The bill is capacity times price; each row bears its busy time at that price, and what is left is idle.
 * Where more busy time was metered than there was capacity (overlapping work, or no capacity on record), rows share the bill, or the price of their own
 * time where there is none, in proportion: rows never sum to more than the bill.
 */
export function priceHour(
  at: { hour: number; device: Device },
  usage: readonly UsageRow[],
  supply: { capacity: CapacityRow | undefined; price: Price | null }
): PricedHour {
  const { capacity, price } = supply
  const weights = usage.map((row) => BigInt(row.busy_us))
  const busy = weights.reduce((a, b) => a + b, 0n)
  const base = { ...at, capacityUs: capacity?.available_us ?? 0, busyUs: Number(busy) }
  if (price === null) {
    const rows = usage.map((row) => ({
      usage: row,
      direct: null,
      loaded: null,
      status: 'unpriced' as const,
    }))
    return { ...base, status: 'unpriced', rows, bill: 0n, direct: 0n, idle: 0n }
  }
  const priceOf = (us: bigint): Money => multiplyMoney(price.usdPerUnitHour, us, US_PER_HOUR)
  const available = BigInt(capacity?.available_us ?? 0)
  const bill = priceOf(available > 0n ? available : busy)
  const ownPrice = priceOf(busy)
  const directTotal = ownPrice < bill ? ownPrice : bill
  const zeros = usage.map(() => 0n)
  const direct = splitMoney(directTotal, weights) ?? zeros
  const loaded = splitMoney(bill, weights) ?? zeros
  const status = price.isDefault ? 'estimated' : 'measured'
  const borne = busy === 0n ? 0n : directTotal
  return {
    ...base,
    status,
    rows: usage.map((row, i) => ({
      usage: row,
      direct: direct[i] ?? 0n,
      loaded: loaded[i] ?? 0n,
      status,
    })),
    bill,
    direct: borne,
    idle: bill - borne,
  }
}

/** Prices every device and hour that has usage or capacity. */
export function priceHours(
  usage: readonly UsageRow[],
  capacity: readonly CapacityRow[],
  cards: readonly RateCardRow[]
): PricedHour[] {
  const key = (row: { hour: number; device: Device }): string => `${row.hour}/${row.device}`
  const byHour = Map.groupBy(usage, key)
  const capacities = new Map(capacity.map((row) => [key(row), row]))
  const places = new Map(
    [...usage, ...capacity].map((row) => [key(row), { hour: row.hour, device: row.device }])
  )
  return [...places]
    .map(([name, at]) =>
      priceHour(at, byHour.get(name) ?? [], {
        capacity: capacities.get(name),
        price: priceAt(cards, at.device, at.hour),
      })
    )
    .toSorted((a, b) => a.hour - b.hour)
}

const WORST: readonly CostStatus[] = ['unpriced', 'unmetered', 'partial', 'estimated', 'measured']

/** The least certain of several. Of nothing: measured, for nothing was spent. */
export const worstStatus = (statuses: readonly CostStatus[]): CostStatus =>
  WORST.find((status) => statuses.includes(status)) ?? 'measured'
