/**
 * Does `work` for each item, at most `window` at a time, and gives the results in the items' order. Takes no further item while nobody takes a result:
 * who reads slowly holds back who sends.
 */
export async function* inOrder<Item, Result>(
  items: AsyncIterable<Item>,
  window: number,
  work: (item: Item) => Promise<Result>
): AsyncGenerator<Result, void, void> {
  const underWay: Promise<Result>[] = []
  const source = items[Symbol.asyncIterator]()
  let next: Promise<IteratorResult<Item>> | null = null
  let hasEnded = false
  try {
    while (!hasEnded || underWay.length > 0) {
      if (next === null && !hasEnded && underWay.length < window) next = source.next()
      const [oldest] = underWay
      const came =
        next === null
          ? null
          : await Promise.race([next, ...(oldest === undefined ? [] : [oldest.then(() => null)])])
      if (came === null) {
        const result = await oldest
        void underWay.shift()
        yield result as Result // there is an oldest when nothing came
        continue
      }
      next = null
      if (came.done === true) hasEnded = true
      else underWay.push(work(came.value))
    }
  } finally {
    await Promise.allSettled(underWay)
    await source.return?.()
  }
}

/** The lines of a stream of bytes, without their ends and without empty ones. Throws `tooLong` for one of more than `maxBytes`. */
export async function* linesOf(
  bytes: AsyncIterable<Buffer>,
  { maxBytes, tooLong }: { maxBytes: number; tooLong: () => Error }
): AsyncGenerator<Buffer, void, void> {
  let parts: Buffer[] = []
  let length = 0
  for await (const chunk of bytes) {
    let from = 0
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, from)) {
      const line = Buffer.concat([...parts, chunk.subarray(from, end)])
      parts = []
      length = 0
      from = end + 1
      if (line.byteLength > maxBytes) throw tooLong()
      if (!isBlank(line)) yield line
    }
    parts.push(chunk.subarray(from))
    length += chunk.byteLength - from
    if (length > maxBytes) throw tooLong()
  }
  const last = Buffer.concat(parts)
  if (!isBlank(last)) yield last
}

const isBlank = (line: Buffer): boolean => line.every((byte) => byte === 13 || byte === 32)
