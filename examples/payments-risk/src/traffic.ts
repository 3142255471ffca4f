/**
 * The stream of payments, without labels. Arrivals are a Poisson process that follows the hour of the
 * day (thinning; Lewis and Shedler, 1979); some payments are followed by another of the same card
 * within minutes. All draws come in the same order whatever the mix, so that two streams with one seed
 * stay comparable payment by payment.
 */
import type { Customer, Merchant } from './population.ts'
import { createRng } from './rng.ts'
import { Schedule } from './schedule.ts'
import type { RequestFeatures } from './transaction.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const FOLLOW_UP_CHANCE = 0.15
const FOLLOW_UP_MEAN_MS = 12 * 60_000
/** Relative intensity of each hour, UTC; the highest is 1. */
const INTENSITY = [
  0.25, 0.18, 0.14, 0.12, 0.12, 0.16, 0.3, 0.45, 0.6, 0.7, 0.78, 0.88, 0.95, 0.9, 0.82, 0.8, 0.86,
  0.95, 1, 0.95, 0.85, 0.7, 0.52, 0.36,
]
const MEAN_INTENSITY = INTENSITY.reduce((sum, value) => sum + value, 0) / 24

/** What covariate drift changes; the fraud process stays as it is. */
export type Mix = Readonly<{ amountFactor: number; abroadShare: number; onlineFactor: number }>

export const USUAL_MIX: Mix = { amountFactor: 1, abroadShare: 0.1, onlineFactor: 1 }
/** A holiday season: purchases cost more, more of them are made abroad and online. */
export const SHIFTED_MIX: Mix = { amountFactor: 1.9, abroadShare: 0.25, onlineFactor: 1.5 }

export type Payment = Readonly<{
  at: number
  customer: Customer
  merchant: Merchant
  request: RequestFeatures
}>

export type World = Readonly<{
  seed: number
  startTime: number
  customers: readonly Customer[]
  merchants: readonly Merchant[]
}>

export function createTraffic(world: World): { next(mix: Mix): Payment } {
  const arrivals = createRng(world.seed, 'arrivals')
  const purchases = createRng(world.seed, 'purchases')
  const pickCustomer = weightedPick(world.customers, (customer) => customer.transactionsPerDay)
  const followUps = new Schedule<Customer>()
  const recent = new Map<Customer, number[]>()
  const perDay = world.customers.reduce((sum, customer) => sum + customer.transactionsPerDay, 0)
  // Follow-ups add to the rate, so fewer payments arrive by themselves.
  const peakGapMs = (DAY_MS * MEAN_INTENSITY) / (perDay * (1 - FOLLOW_UP_CHANCE))
  let clock = world.startTime
  let arrival = nextArrival()

  function nextArrival(): number {
    do clock += arrivals.exponential(peakGapMs)
    while (!arrivals.chance(INTENSITY[hourOf(clock)] ?? 1))
    return clock
  }

  function whoIsNext(): { at: number; customer: Customer } {
    const due = followUps.nextAt <= arrival ? followUps.take() : undefined
    if (due !== undefined) return { at: due.at, customer: due.item }
    const at = Math.ceil(arrival)
    arrival = nextArrival()
    return { at, customer: pickCustomer(arrivals.uniform()) }
  }

  function countLastHour(customer: Customer, at: number): number {
    const within = (recent.get(customer) ?? []).filter((time) => time > at - HOUR_MS)
    recent.set(customer, [...within, at])
    return within.length
  }

  return {
    next(mix) {
      const { at, customer } = whoIsNext()
      if (purchases.chance(FOLLOW_UP_CHANCE)) {
        followUps.add(at + Math.ceil(purchases.exponential(FOLLOW_UP_MEAN_MS)), customer)
      } else purchases.uniform()
      const isAbroad = purchases.chance(mix.abroadShare)
      const merchant = pickMerchant(world.merchants, {
        suits: (candidate) => (candidate.country === customer.country) !== isAbroad,
        draw: purchases.uniform(),
      })
      const amount =
        customer.habitualAmount *
        merchant.priceLevel *
        mix.amountFactor *
        Math.exp(0.75 * purchases.normal())
      const isOnline = purchases.chance(Math.min(0.95, merchant.onlineShare * mix.onlineFactor))
      const isContactless = purchases.chance(0.6)
      const request: RequestFeatures = {
        amount: Math.max(1, Math.round(amount * 100)) / 100,
        country_mismatch: merchant.country === customer.country ? 0 : 1,
        hour: hourOf(at),
        channel: isOnline ? 2 : isContactless ? 1 : 0,
        tx_count_1h: countLastHour(customer, at),
      }
      return { at, customer, merchant, request }
    },
  }
}

function hourOf(at: number): number {
  return Math.floor((at % DAY_MS) / HOUR_MS)
}

/** The first suitable merchant at or after a random place, going round; any merchant where none suits. */
function pickMerchant(
  merchants: readonly Merchant[],
  by: { suits: (merchant: Merchant) => boolean; draw: number }
): Merchant {
  const from = Math.floor(by.draw * merchants.length)
  for (let step = 0; step < merchants.length; step++) {
    const candidate = merchants[(from + step) % merchants.length]
    if (candidate !== undefined && by.suits(candidate)) return candidate
  }
  const any = merchants[from]
  if (any === undefined) throw new Error('a simulation needs at least one merchant')
  return any
}

/** Picks in proportion to a weight, by binary search in the running sum. */
function weightedPick<T>(items: readonly T[], weigh: (item: T) => number): (uniform: number) => T {
  let total = 0
  const upTo = items.map((item) => (total += weigh(item)))
  return (uniform) => {
    const target = uniform * total
    let [low, high] = [0, items.length - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((upTo[middle] ?? 0) > target) high = middle
      else low = middle + 1
    }
    const item = items[low]
    if (item === undefined) throw new Error('a simulation needs at least one customer')
    return item
  }
}
