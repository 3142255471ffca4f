import { InvalidArgumentError } from 'commander'

export type Pairs = Readonly<Record<string, string>>
export type Scalar = string | number | boolean | null

/** An option that may be given again and again, each time as `key=value`. */
export function collectPair(text: string, before: Pairs = {}): Pairs {
  const [key, value] = splitPair(text)
  if (Object.hasOwn(before, key)) throw new InvalidArgumentError(`"${key}" is given twice`)
  return { ...before, [key]: value }
}

/** `key=value`; the value may hold further `=`. */
function splitPair(text: string): readonly [key: string, value: string] {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError(`"${text}" is not key=value`)
  return [text.slice(0, at), text.slice(at + 1)]
}

/** Pairs whose values are numbers. */
export function collectNumber(
  text: string,
  before: Readonly<Record<string, number>> = {}
): Readonly<Record<string, number>> {
  const [key, value] = splitPair(text)
  if (Object.hasOwn(before, key)) throw new InvalidArgumentError(`"${key}" is given twice`)
  return { ...before, [key]: parseNumber(value) }
}

export function parseNumber(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value))
    throw new InvalidArgumentError(`"${text}" is not a number`)
  return value
}

export function parseCount(text: string): number {
  const value = parseNumber(text)
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError('give a whole number from 1')
  return value
}

/** Numbers, `true`, `false` and `null` as what they are; integers that a number can't hold exactly, and all else, as text. */
export function parseScalar(text: string): Scalar {
  if (text === 'true' || text === 'false') return text === 'true'
  if (text === 'null') return null
  if (!/^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(text)) return text
  const value = Number(text)
  return /^-?\d+$/.test(text) && !Number.isSafeInteger(value) ? text : value
}

/** `a=1 b=x` as one row. */
export const rowOf = (pairs: Pairs): Record<string, Scalar> =>
  Object.fromEntries(Object.entries(pairs).map(([key, value]) => [key, parseScalar(value)]))

/** `a,b,c` */
export function parseList(text: string): readonly string[] {
  const items = text.split(',').map((item) => item.trim())
  if (items.includes('')) throw new InvalidArgumentError('give names with commas between them')
  return items
}
