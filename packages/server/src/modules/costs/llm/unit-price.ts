import type { Money } from '../../../kernel/money.ts'

/** A price of one token or piece, in 1e-18 dollars: a price a token may have more digits than a cent's millionth, and none may be lost. */
export type UnitPrice = bigint

const SCALE_DIGITS = 18
/** Unit prices hold this many units of `Money`'s last digit. */
const PER_MONEY = 1_000_000n

const DECIMAL = /^(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,3}))?$/

/** Prices are few, and each call asks for several. */
const known = new Map<string, UnitPrice | null>()
const MAX_KNOWN = 10_000

/** Reads a decimal that is not negative ("0.00000015", "1.5e-07"). Null when it is none, or would lose digits below 1e-18. */
export function parseUnitPrice(text: string): UnitPrice | null {
  let price = known.get(text)
  if (price !== undefined) return price
  price = readUnitPrice(text)
  if (known.size < MAX_KNOWN) known.set(text, price)
  return price
}

function readUnitPrice(text: string): UnitPrice | null {
  const match = DECIMAL.exec(text)
  if (match === null) return null
  const fraction = match[2] ?? ''
  const digits = BigInt(`${match[1] ?? '0'}${fraction}`)
  const exponent = SCALE_DIGITS - fraction.length + Number(match[3] ?? '0')
  if (exponent >= 0) return digits * 10n ** BigInt(exponent)
  const divisor = 10n ** BigInt(-exponent)
  return digits % divisor === 0n ? digits / divisor : null
}

/** What so many cost, rounded half to even at the last digit of `Money`. Exact for prices of up to 12 decimals. */
export function priceOf(quantity: number, unit: UnitPrice): Money {
  const exact = BigInt(quantity) * unit
  const whole = exact / PER_MONEY
  const doubled = (exact % PER_MONEY) * 2n
  return doubled > PER_MONEY || (doubled === PER_MONEY && whole % 2n === 1n) ? whole + 1n : whole
}

/** A price in another currency, in dollars. Rounded down at 1e-18. */
export const convertPrice = (unit: UnitPrice, rate: UnitPrice): UnitPrice =>
  (unit * rate) / 10n ** BigInt(SCALE_DIGITS)
