export type Hash = { readonly high: number; readonly low: number }

/** A 64-bit hash of a string's UTF-16 units as two words: two FNV-1a lanes, finished as in MurmurHash3. */
export function hashText(text: string): Hash {
  let high = 0x811c9dc5
  let low = 0x9747b28c
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    high = Math.imul(high ^ unit, 0x01000193)
    low = Math.imul(low ^ unit, 0x85ebca6b)
    low = (low << 13) | (low >>> 19)
  }
  return { high: finish(high ^ text.length), low: finish(low + Math.imul(high, 0x9e3779b1)) }
}

function finish(word: number): number {
  let mixed = word ^ (word >>> 16)
  mixed = Math.imul(mixed, 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
