/** US dollars as whole units of 1e-12: exact sums, no binary fractions. A price of $0.0000000001 per token still has two digits. */
export type Money = bigint

/** Units in one dollar. */
export const MONEY_SCALE = 1_000_000_000_000n

const DECIMAL = /^(-)?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,3}))?$/

/**
 * Reads a decimal ("0.0408", "-3", "2.5e-06"). Null when the text is not a decimal, or has digits below 1e-12 that would be lost:
 * a price is never rounded silently.
 */
export function parseMoney(text: string): Money | null {
  const match = DECIMAL.exec(text)
  if (match === null) return null
  const fraction = match[3] ?? ''
  const digits = BigInt(`${match[2] ?? '0'}${fraction}`)
  const exponent = 12 - fraction.length + Number(match[4] ?? '0')
  const units = shift(digits, exponent)
  if (units === null) return null
  return match[1] === '-' ? -units : units
}

function shift(digits: bigint, exponent: number): bigint | null {
  if (exponent >= 0) return digits * 10n ** BigInt(exponent)
  const divisor = 10n ** BigInt(-exponent)
  return digits % divisor === 0n ? digits / divisor : null
}

/** The exact decimal, without trailing zeros: `formatMoney(parseMoney('0.0408')) === '0.0408'`. */
export function formatMoney(money: Money): string {
  const absolute = money < 0n ? -money : money
  const whole = absolute / MONEY_SCALE
  const fraction = (absolute % MONEY_SCALE).toString().padStart(12, '0').replace(/0+$/, '')
  return `${money < 0n ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`
}

/** `money * numerator / denominator`, rounded half to even: the rounding that does not drift over many rows. Throws on a denominator that is not positive. */
export function multiplyMoney(money: Money, numerator: bigint, denominator: bigint): Money {
  if (denominator <= 0n) throw new RangeError('The denominator must be positive')
  const product = money * numerator
  const isNegative = product < 0n
  const absolute = isNegative ? -product : product
  const quotient = absolute / denominator
  const doubledRest = (absolute % denominator) * 2n
  const up =
    doubledRest > denominator || (doubledRest === denominator && quotient % 2n === 1n) ? 1n : 0n
  const rounded = quotient + up
  return isNegative ? -rounded : rounded
}

/**
 * Splits `total` in proportion to `weights` so that the parts sum to `total` to the last unit (largest remainder, earlier part first on a tie).
 * Null when the weights sum to zero: then there is nobody to bear it. Throws on a negative weight.
 */
export function splitMoney(total: Money, weights: readonly bigint[]): Money[] | null {
  if (weights.some((weight) => weight < 0n)) throw new RangeError('A weight is negative')
  const sum = weights.reduce((a, b) => a + b, 0n)
  if (sum === 0n) return null
  const sign = total < 0n ? -1n : 1n
  const absolute = total * sign
  const parts = weights.map((weight, index) => ({
    index,
    part: (absolute * weight) / sum,
    rest: (absolute * weight) % sum,
  }))
  const missing = Number(absolute - parts.reduce((a, p) => a + p.part, 0n)) // fewer than there are parts
  const favoured = new Set(
    parts
      .toSorted((a, b) => (a.rest === b.rest ? a.index - b.index : a.rest > b.rest ? -1 : 1))
      .slice(0, missing)
      .map((p) => p.index)
  )
  return parts.map((p) => sign * (p.part + (favoured.has(p.index) ? 1n : 0n)))
}
