import type { FeatureType } from '@trestle/contract'
import type { Value } from '../value.ts'

/** Reads JSON without losing digits: an integer past 2^53 comes as bigint. */
export function parseExactJson(text: string): unknown {
  if (!/\d{16}/.test(text)) return JSON.parse(text) as unknown
  return JSON.parse(text, (_key, value: unknown, context?: { source?: string }) =>
    typeof value === 'number' &&
    !Number.isSafeInteger(value) &&
    /^-?\d+$/.test(context?.source ?? '')
      ? BigInt(context?.source ?? '')
      : value
  ) as unknown
}

/**
 * A value as Feast's server prints it: clients infer types from the digits, so a float always has a decimal point, and a 64-bit integer all of its
 * digits. Timestamps are whole seconds. What JSON has no number for (NaN, the infinities) is null.
 */
export function feastJson(value: Value, type: FeatureType): string {
  if (value === null) return 'null'
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'number') return JSON.stringify(value)
  if (!Number.isFinite(value)) return 'null'
  if (type === 'timestamp') return String(Math.floor(value / 1000))
  if (type !== 'float32' && type !== 'float64') return String(value)
  const text = Object.is(value, -0) ? '-0' : String(value)
  return /[.e]/.test(text) ? text : `${text}.0`
}

/** RFC 3339 in UTC with no, 3 or 6 digits of a second; 1970 where there is no time. */
export function feastTime(us: number | null): string {
  const whole = us ?? 0
  const ms = Math.floor(whole / 1000)
  const rest = whole - ms * 1000
  const text = new Date(ms).toISOString()
  if (rest !== 0) return `${text.slice(0, -1)}${String(rest).padStart(3, '0')}Z`
  return text.replace('.000Z', 'Z')
}
