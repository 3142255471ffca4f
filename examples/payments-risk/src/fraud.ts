/**
 * The fraud process: which transactions turn out to be fraud. This is a simulation. No real card,
 * person or bank is behind it, and the rate (about 5 %) is some fifty times what card networks report,
 * so that a short demonstration sees enough labels.
 *
 * P(fraud) = 1 / (1 + exp(-logit)), where the logit is a sum of readable terms:
 *
 *   intercept
 * + amount          × ln(amount / customer's habitual amount), held within [-2, 3]
 * + merchantRisk    × hidden merchant risk, standard normal
 * + velocity        × other payments by the card in the last hour, at most 4
 * + countryMismatch × 1 if the merchant is abroad
 * + night           × 1 between 00:00 and 05:59 UTC
 * + newCard         × exp(-card age / 45 days)
 * + online          × 1 if the card was not present
 * + exposure        × hidden exposure of the customer, standard normal
 * + cardTesting     × 1 if online, velocity ≥ 1 and the amount is under half the habit
 * + spreeAbroad     × 1 if abroad and the amount is over twice the habit
 *
 * The last two are interactions: a linear model can't see them, a tree can.
 */
export type Circumstances = Readonly<{
  logAmountToHabit: number
  merchantRisk: number
  velocity: number
  isAbroad: boolean
  isNight: boolean
  cardAgeDays: number
  isOnline: boolean
  exposure: number
}>

export type FraudProcess = Readonly<{
  intercept: number
  amount: number
  merchantRisk: number
  velocity: number
  countryMismatch: number
  night: number
  newCard: number
  online: number
  exposure: number
  cardTesting: number
  spreeAbroad: number
}>

export const USUAL_FRAUD: FraudProcess = {
  intercept: -5.7,
  amount: 1.3,
  merchantRisk: 0.9,
  velocity: 0.9,
  countryMismatch: 1.6,
  night: 1.1,
  newCard: 1.8,
  online: 0.8,
  exposure: 0.4,
  cardTesting: 3.2,
  spreeAbroad: 1.6,
}

/**
 * Fraud after concept drift: stolen cards are now used at home, by day, on cards that are well settled,
 * for small amounts. What used to give fraud away now speaks against it.
 */
export const CHANGED_FRAUD: FraudProcess = {
  intercept: -4.1,
  amount: -1.3,
  merchantRisk: -0.3,
  velocity: 0.1,
  countryMismatch: -1.2,
  night: -0.8,
  newCard: -1.5,
  online: 1.4,
  exposure: 0.4,
  cardTesting: 0,
  spreeAbroad: 0,
}

export function fraudProbability(process: FraudProcess, seen: Circumstances): number {
  const isTesting = seen.isOnline && seen.velocity >= 1 && seen.logAmountToHabit < Math.log(0.5)
  const isSpree = seen.isAbroad && seen.logAmountToHabit > Math.log(2)
  const logit =
    process.intercept +
    process.amount * Math.min(3, Math.max(-2, seen.logAmountToHabit)) +
    process.merchantRisk * seen.merchantRisk +
    process.velocity * Math.min(4, seen.velocity) +
    process.countryMismatch * Number(seen.isAbroad) +
    process.night * Number(seen.isNight) +
    process.newCard * Math.exp(-seen.cardAgeDays / 45) +
    process.online * Number(seen.isOnline) +
    process.exposure * seen.exposure +
    process.cardTesting * Number(isTesting) +
    process.spreeAbroad * Number(isSpree)
  return 1 / (1 + Math.exp(-logit))
}
