export const BUCKETS = 10_000

/**
 * The bucket 0..9,999 of a key: the same for ever, spread evenly. A new salt deals the keys anew.
 * 64-bit FNV-1a over UTF-16 code units in two 32-bit lanes, then MurmurHash3's finaliser, because FNV alone leaves the high bits of short keys uneven.
 */
export function bucketOf(salt: string, key: string): number {
  const low = finalise(fnv1a(0x811c9dc5, salt, key))
  const high = finalise(fnv1a(0x9747b28c, key, salt))
  return Number((BigInt(high) * 0x1_0000_0000n + BigInt(low)) % BigInt(BUCKETS))
}

function fnv1a(seed: number, ...parts: readonly string[]): number {
  let hash = seed
  for (const part of parts) {
    for (let i = 0; i < part.length; i++) {
      const unit = part.charCodeAt(i)
      hash = Math.imul(hash ^ (unit & 0xff), 0x01000193)
      hash = Math.imul(hash ^ (unit >>> 8), 0x01000193)
    }
    hash = Math.imul(hash ^ 0xff, 0x01000193)
  }
  return hash >>> 0
}

function finalise(value: number): number {
  let h = value
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
