/** Who pays whom: the customers and merchants of the simulation, drawn once from a seed. */
import type { Rng } from './rng.ts'

const DAY_MS = 86_400_000
const COUNTRIES = ['NL', 'DE', 'FR', 'ES', 'GB'] as const
/** Cards are replaced after a year, so the mix of card ages stays the same however long one simulates. */
const CARD_LIFETIME_DAYS = 365

export type Country = (typeof COUNTRIES)[number]

export type Customer = Readonly<{
  customer_id: string
  country: Country
  /** Median amount this customer spends at an average merchant. */
  habitualAmount: number
  transactionsPerDay: number
  /** Hidden: how exposed the card is, standard normal. */
  exposure: number
  /** When the first card was issued, ms. Before the start of the simulation. */
  firstCardAt: number
}>

export type Merchant = Readonly<{
  merchant_id: string
  country: Country
  /** Hidden: how risky the merchant is, standard normal. */
  risk: number
  /** What a purchase here costs against the same customer's purchase elsewhere. */
  priceLevel: number
  /** Share of purchases made online. */
  onlineShare: number
}>

export function makeCustomers(count: number, draw: { rng: Rng; startTime: number }): Customer[] {
  const { rng, startTime } = draw
  return Array.from({ length: count }, (_, index) => ({
    customer_id: `c${String(index + 1).padStart(5, '0')}`,
    country: pickCountry(rng),
    habitualAmount: 35 * Math.exp(0.7 * rng.normal()),
    transactionsPerDay: 0.6 * Math.exp(0.5 * rng.normal() - 0.125),
    exposure: rng.normal(),
    firstCardAt: startTime - Math.floor(rng.uniform() * CARD_LIFETIME_DAYS * DAY_MS),
  }))
}

export function makeMerchants(count: number, rng: Rng): Merchant[] {
  return Array.from({ length: count }, (_, index) => ({
    merchant_id: `m${String(index + 1).padStart(4, '0')}`,
    // Round robin first, so that every country has a merchant even in a small world.
    country: COUNTRIES[index] ?? pickCountry(rng),
    risk: rng.normal(),
    priceLevel: Math.exp(0.35 * rng.normal()),
    onlineShare: 0.1 + 0.6 * rng.uniform(),
  }))
}

/** Age of the card in use at a moment. */
export function cardAgeDays(customer: Customer, at: number): number {
  return Math.floor((at - customer.firstCardAt) / DAY_MS) % CARD_LIFETIME_DAYS
}

function pickCountry(rng: Rng): Country {
  return COUNTRIES[rng.integer(COUNTRIES.length)] ?? 'NL'
}
