import type { FeatureType } from '@trestle/contract'
import type { Scalar } from '../../kernel/scalar.ts'

/** A value of a key or feature; null where there is none. Timestamps are epoch milliseconds. */
export type Value = Scalar | null

const INT32_MAX = 2_147_483_647
const INT64_MAX = 9_223_372_036_854_775_807n

/**
 * Reads a value as its declared type; `undefined` when it is of another. Widening is taken (an integer for a float, digits in a string for an
 * integer, since JSON has no other way past 2^53); what would lose something is not.
 */
export function parseValue(type: FeatureType, given: unknown): Value | undefined {
  if (given === null || given === undefined) return null
  switch (type) {
    case 'string':
      return typeof given === 'string' ? given : undefined
    case 'bool':
      return typeof given === 'boolean' ? given : undefined
    case 'int32':
      return parseInt64(given, (n) => n >= -INT32_MAX - 1 && n <= INT32_MAX)
    case 'int64':
      return parseInt64(given, () => true)
    case 'float64':
      return parseFloat64(given)
    case 'float32': {
      const wide = parseFloat64(given)
      return wide === undefined ? undefined : Math.fround(wide)
    }
    case 'timestamp': {
      const us = parseInstantUs(given)
      return us === undefined ? undefined : Math.floor(us / 1000)
    }
  }
}

function parseInt64(given: unknown, fits: (n: number) => boolean): Value | undefined {
  if (typeof given === 'number') {
    if (!Number.isInteger(given)) return undefined
    if (Number.isSafeInteger(given)) return fits(given) ? normalZero(given) : undefined
    return undefined // past 2^53 a JSON number has lost its last digits: it must come as a string
  }
  if (typeof given === 'string' && !/^-?\d{1,19}$/.test(given)) return undefined
  if (typeof given !== 'string' && typeof given !== 'bigint') return undefined
  const exact = BigInt(given)
  if (exact > INT64_MAX || exact < -INT64_MAX - 1n) return undefined
  const narrow = narrowInteger(exact)
  return typeof narrow === 'bigint'
    ? fits(Infinity)
      ? narrow
      : undefined
    : fits(narrow)
      ? narrow
      : undefined
}

const normalZero = (n: number): number => (n === 0 ? 0 : n)

/** A 64-bit integer as a number where that is exact. */
export function narrowInteger(exact: bigint): number | bigint {
  const narrow = Number(exact)
  return Number.isSafeInteger(narrow) ? narrow : exact
}

const SPECIAL: Readonly<Record<string, number>> = {
  NaN: NaN,
  Infinity: Infinity,
  '-Infinity': -Infinity,
  '-0': -0,
}

function parseFloat64(given: unknown): number | undefined {
  if (typeof given === 'number') return given
  if (typeof given === 'bigint')
    return Number.isSafeInteger(Number(given)) ? Number(given) : undefined
  return typeof given === 'string' ? SPECIAL[given] : undefined
}

/** What JSON can carry of a value: `parseValue` reads it back exactly. */
export function toWire(value: Value): string | number | boolean | null {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'number') return value
  if (Number.isFinite(value)) return Object.is(value, -0) ? '-0' : value
  return String(value)
}

const INSTANT =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)? ?(Z|z|UTC|[+-]\d\d(?::?\d\d)?)?$/

/** An instant in microseconds: epoch milliseconds as a number, or ISO 8601, in UTC where it names no zone. `undefined` when it is neither. */
export function parseInstantUs(given: unknown): number | undefined {
  if (typeof given === 'number') {
    const us = Math.round(given * 1000)
    return Number.isSafeInteger(us) ? us : undefined
  }
  if (typeof given !== 'string') return undefined
  const match = INSTANT.exec(given.trim())
  if (match === null) return undefined
  const [year, month, day, hour, minute, second] = match
    .slice(1, 7)
    .map((part) => Number(part || 0))
  const ms = Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second)
  const back = new Date(ms)
  const isReal =
    back.getUTCMonth() + 1 === month &&
    back.getUTCDate() === day &&
    (hour ?? 0) < 24 &&
    (minute ?? 0) < 60 &&
    (second ?? 0) < 60
  if (!isReal) return undefined
  const fraction = Number((match[7] ?? '').slice(0, 6).padEnd(6, '0'))
  return ms * 1000 + fraction - offsetUs(match[8] ?? 'Z')
}

function offsetUs(zone: string): number {
  if (zone === 'Z' || zone === 'z' || zone === 'UTC') return 0
  const digits = zone.slice(1).replace(':', '').padEnd(4, '0')
  const minutes = Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2))
  return (zone.startsWith('-') ? -1 : 1) * minutes * 60_000_000
}
