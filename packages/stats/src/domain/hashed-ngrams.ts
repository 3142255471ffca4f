import { hashText } from '../sketches/hash.ts'

const LONGEST = 4

/**
 * A text as numbers, in any language: how often each run of one to four characters is in it, hashed with signs into `size` places (Weinberger and
 * others 2009), on a logarithmic scale and of length 1. An empty text is all zeros.
 */
export function hashedNgrams(text: string, size = 256): Float64Array {
  const clean = ` ${text.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim()} `
  const counts = new Map<string, number>()
  if (clean.length > 2)
    for (let length = 1; length <= LONGEST; length++)
      for (let at = 0; at + length <= clean.length; at++) {
        const gram = clean.slice(at, at + length)
        counts.set(gram, (counts.get(gram) ?? 0) + 1)
      }
  const vector = new Float64Array(size)
  for (const [gram, count] of counts) {
    const { high, low } = hashText(gram)
    vector[low % size]! += (high & 1 ? 1 : -1) * Math.log1p(count)
  }
  let squares = 0
  for (const value of vector) squares += value * value
  return squares === 0 ? vector : vector.map((value) => value / Math.sqrt(squares))
}
