/** Counts the tokens of a text. */
export type Encoder = Readonly<{ countTokens: (text: string) => number }>

/**
 * Byte-pair merging takes time with the square of a piece that has no space in it, and a hostile one may be a megabyte. Longer pieces are cut:
 * a cut costs at most one token more, in a count that is an estimate.
 */
const MAX_PIECE = 256
const LONG_PIECE = /\S{257,}/g
/** Texts are counted in parts, so that none holds the memory of a whole book's tokens. */
const PART_CHARS = 64 * 1024

/** Tokens of `text`, in time that grows with its length and not faster. */
export function countTokens(text: string, encoder: Encoder): number {
  let count = 0
  for (let at = 0; at < text.length; at += PART_CHARS)
    count += countPart(text.slice(at, at + PART_CHARS), encoder)
  return count
}

function countPart(part: string, encoder: Encoder): number {
  let count = 0
  let at = 0
  for (const match of part.matchAll(LONG_PIECE)) {
    count += countShort(part.slice(at, match.index), encoder)
    const [piece] = match
    for (let i = 0; i < piece.length; i += MAX_PIECE)
      count += countShort(piece.slice(i, i + MAX_PIECE), encoder)
    at = match.index + piece.length
  }
  return count + countShort(part.slice(at), encoder)
}

const countShort = (text: string, encoder: Encoder): number =>
  text === '' ? 0 : encoder.countTokens(text)
