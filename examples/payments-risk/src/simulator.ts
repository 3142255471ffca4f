/**
 * A simulated card-payments world: customers, merchants, a stream of payments with hidden labels, and
 * the feature rows that an upstream job publishes about them. Nothing in it is real. `fraud.ts` states
 * the fraud process, `traffic.ts` the arrivals, `stats.ts` the features.
 */
import { cardAgeDays, makeCustomers, makeMerchants } from './population.ts'
import type { Customer, Merchant } from './population.ts'
import { CHANGED_FRAUD, USUAL_FRAUD, fraudProbability } from './fraud.ts'
import { createRng } from './rng.ts'
import { createStats } from './stats.ts'
import type { CustomerStatsRow, MerchantStatsRow } from './stats.ts'
import { SHIFTED_MIX, USUAL_MIX, createTraffic } from './traffic.ts'
import type { Payment } from './traffic.ts'
import type { Transaction } from './transaction.ts'

/**
 * - `covariate`: dearer purchases, more of them abroad and online; fraud arises as before.
 * - `concept`: the same payments, but other ones are fraud.
 * - `broken-feature`: payments and fraud as before, but the customers' average amount arrives wrong.
 */
export type Drift = 'covariate' | 'concept' | 'broken-feature'

export type SimulatorOptions = Readonly<{
  seed: number
  /** First moment of the stream, ms since 1970 UTC. */
  startTime: number
  customers: number
  merchants: number
  drift?: Drift | null
  /** How `broken-feature` breaks the average: it arrives as 0 (the default) or in cents. */
  brokenAs?: 'zero' | 'cents'
  /** Mean wait for a label beyond the first hour. 36 h by default. */
  meanLabelDelayMs?: number
}>

export type Simulator = Readonly<{
  customers: readonly Customer[]
  merchants: readonly Merchant[]
  /** The next payment. The stream has no end, and its times never go back. */
  next(): Transaction
  /** Turns drift on or off from the next payment. */
  setDrift(kind: Drift | null): void
  /** Feature rows published since the last call; all of them no later than the last payment. */
  drainFeatureRows(): { customerStats: CustomerStatsRow[]; merchantStats: MerchantStatsRow[] }
  /** The rows in force at the payment that `next` returned last. */
  latestFeatures(transaction: Transaction): {
    customer: CustomerStatsRow
    merchant: MerchantStatsRow
  }
}>

const HOUR_MS = 3_600_000

export function createSimulator(options: SimulatorOptions): Simulator {
  const { seed, startTime, brokenAs = 'zero', meanLabelDelayMs = 36 * HOUR_MS } = options
  const customers = makeCustomers(options.customers, {
    rng: createRng(seed, 'customers'),
    startTime,
  })
  const merchants = makeMerchants(options.merchants, createRng(seed, 'merchants'))
  const traffic = createTraffic({ seed, startTime, customers, merchants })
  const stats = createStats({ startTime, customers, merchants })
  const labels = createRng(seed, 'labels')
  let drift: Drift | null = null
  let count = 0

  function setDrift(kind: Drift | null): void {
    drift = kind
    stats.setBreakage(kind === 'broken-feature' ? brokenAs : 'none')
  }

  function label(payment: Payment): Transaction['label'] {
    const process = drift === 'concept' ? CHANGED_FRAUD : USUAL_FRAUD
    const isFraud = labels.chance(fraudProbability(process, circumstancesOf(payment)))
    const waitMs = HOUR_MS + Math.ceil(labels.exponential(meanLabelDelayMs))
    return { is_fraud: isFraud ? 1 : 0, known_at: payment.at + waitMs }
  }

  setDrift(options.drift ?? null)
  return {
    customers,
    merchants,
    setDrift,
    drainFeatureRows: () => stats.drain(),
    latestFeatures: (transaction) => ({
      customer: stats.latestCustomer(transaction.customer_id),
      merchant: stats.latestMerchant(transaction.merchant_id),
    }),
    next() {
      const payment = traffic.next(drift === 'covariate' ? SHIFTED_MIX : USUAL_MIX)
      count += 1
      const transaction: Transaction = {
        transaction_id: `t${String(count).padStart(8, '0')}`,
        customer_id: payment.customer.customer_id,
        merchant_id: payment.merchant.merchant_id,
        event_timestamp: payment.at,
        request: payment.request,
        label: label(payment),
      }
      stats.advance(payment.at)
      stats.add(transaction)
      return transaction
    },
  }
}

function circumstancesOf({ at, customer, merchant, request }: Payment) {
  return {
    logAmountToHabit: Math.log(request.amount / customer.habitualAmount),
    merchantRisk: merchant.risk,
    velocity: request.tx_count_1h,
    isAbroad: request.country_mismatch === 1,
    isNight: request.hour < 6,
    cardAgeDays: cardAgeDays(customer, at),
    isOnline: request.channel === 2,
    exposure: customer.exposure,
  }
}
