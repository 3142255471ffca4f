const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'

/** 32 lower-case hex digits of a random UUID: the form of MLflow's run and model ids. */
export const randomHexId = (): string => crypto.randomUUID().replaceAll('-', '')

/**
 * A short id that sorts by creation time: prefix, 9 time characters, 11 random ones (55 bits), in Crockford base 32.
 * Sorting by id is sorting by time down to the millisecond.
 */
export function sortableId(prefix: string, now: number): string {
  const random = crypto.getRandomValues(new Uint8Array(11))
  let tail = ''
  for (const byte of random) tail += ALPHABET.charAt(byte & 31)
  return `${prefix}_${encodeTime(now)}${tail}`
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
