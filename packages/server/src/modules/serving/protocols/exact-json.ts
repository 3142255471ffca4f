import { fail } from '../../../platform/errors.ts'

/** A whole number of 16 digits or more: shorter ones fit a double. The digits of a fraction don't count. */
const LONG_WHOLE = /(?<![.\d])\d{16,}(?![.\deE])/
const WHOLE = /^-?\d+$/

/**
 * JSON from a request body, with whole numbers beyond 2^53 as bigint. The exact reading is slower by an order of magnitude and taken only for bodies
 * with a long run of digits. Throws `request.malformed`.
 */
export function parseExactJson(body: Uint8Array | string): unknown {
  const text =
    typeof body === 'string'
      ? body
      : Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8')
  try {
    return LONG_WHOLE.test(text)
      ? (JSON.parse(text, exactly) as unknown)
      : (JSON.parse(text) as unknown)
  } catch (error) {
    const why = error instanceof Error ? error.message : 'it could not be read'
    throw fail('request.malformed', `The body is not valid JSON: ${why.slice(0, 200)}`, {
      cause: error,
    })
  }
}

function exactly(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
  const source = context?.source
  return source !== undefined && WHOLE.test(source) ? BigInt(source) : value
}

/** JSON text of a plain value: bigints as their digits, a zero with its sign, NaN and infinities as null, since JSON has no word for them. */
export function writeElementJson(value: number | bigint | string | boolean): string {
  if (typeof value === 'number') {
    if (value === 0) return Object.is(value, -0) ? '-0.0' : '0'
    return Number.isFinite(value) ? String(value) : 'null'
  }
  return typeof value === 'string' ? JSON.stringify(value) : String(value)
}
