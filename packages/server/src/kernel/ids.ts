const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'

/** 32 lower-case hex digits of a random UUID: the form of MLflow's run and model ids. */
export function randomHexId(): string {
  if (hexUsed === hexPool.length) {
    crypto.getRandomValues(hexPool)
    hexUsed = 0
  }
  const from = hexUsed
  hexUsed += UUID_BYTES
  hexPool[from + 6] = ((hexPool[from + 6] ?? 0) & 0x0f) | 0x40 // version 4
  hexPool[from + 8] = ((hexPool[from + 8] ?? 0) & 0x3f) | 0x80
  return hexPool.toString('hex', from, hexUsed)
}

const UUID_BYTES = 16
const hexPool = Buffer.alloc(UUID_BYTES * 256)
let hexUsed = hexPool.length

/**
 * A short id that sorts by creation time: prefix, 9 time characters, 11 random ones (55 bits), in Crockford base 32.
 * Sorting by id is sorting by time down to the millisecond.
 */
export function sortableId(prefix: string, now: number): string {
  if (used === pool.length) refill()
  const tail = pool.toString('latin1', used, used + RANDOM_DIGITS)
  used += RANDOM_DIGITS
  return `${prefix}_${encodeTime(now)}${tail}`
}

const RANDOM_DIGITS = 11

// Asked for in bulk: one call for random bytes costs as much as the rest of an id.
const pool = Buffer.alloc(RANDOM_DIGITS * 256)
let used = pool.length

function refill(): void {
  crypto.getRandomValues(pool)
  for (let i = 0; i < pool.length; i++) pool[i] = ALPHABET.charCodeAt((pool[i] ?? 0) & 31)
  used = 0
}

let timeNow = -1
let timeText = ''

/** Many ids are made within one millisecond. */
function encodeTime(now: number): string {
  if (now !== timeNow) {
    timeText = digitsOf(now)
    timeNow = now
  }
  return timeText
}

function digitsOf(now: number): string {
  let rest = now
  let text = ''
  for (let i = 0; i < 9; i++) {
    text = ALPHABET.charAt(rest % 32) + text
    rest = Math.floor(rest / 32)
  }
  return text
}
