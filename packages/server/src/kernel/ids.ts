const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'

/** 32 lower-case hex digits of a random UUID: the form of MLflow's run and model ids. */
export const randomHexId = (): string => crypto.randomUUID().replaceAll('-', '')

/**
 * A short id that sorts by creation time: prefix, 9 time characters, 11 random ones (55 bits), in Crockford base 32.
 * Sorting by id is sorting by time down to the millisecond.
 */
export function sortableId(prefix: string, now: number): string {
  let tail = ''
  for (let i = 0; i < RANDOM_DIGITS; i++) tail += ALPHABET.charAt(nextByte() & 31)
  return `${prefix}_${encodeTime(now)}${tail}`
}

const RANDOM_DIGITS = 11

// Asked for in bulk: one call for random bytes costs as much as the rest of an id.
const pool = new Uint8Array(RANDOM_DIGITS * 256)
let used = pool.length

function nextByte(): number {
  if (used === pool.length) {
    crypto.getRandomValues(pool)
    used = 0
  }
  return pool[used++] ?? 0
}

function encodeTime(now: number): string {
  let rest = now
  let text = ''
  for (let i = 0; i < 9; i++) {
    text = ALPHABET.charAt(rest % 32) + text
    rest = Math.floor(rest / 32)
  }
  return text
}
