/** A message of the local binary protocol: two lengths (little-endian, 4 bytes each), that much JSON, that much binary. */
export type Frame = Readonly<{ head: unknown; body: Buffer }>

const MAX_BYTES = 1 << 30

export function writeFrame(head: unknown, parts: readonly Uint8Array[]): Buffer {
  const text = Buffer.from(JSON.stringify(head), 'utf8')
  const lengths = Buffer.alloc(8)
  lengths.writeUInt32LE(text.byteLength, 0)
  lengths.writeUInt32LE(
    parts.reduce((sum, part) => sum + part.byteLength, 0),
    4
  )
  return Buffer.concat([lengths, text, ...parts])
}

/** Cuts what comes in pieces into whole messages. Throws when it can't be of this protocol. */
export function createFrameCutter(): (chunk: Buffer) => Frame[] {
  let held: Buffer[] = []
  let size = 0
  return (chunk) => {
    held.push(chunk)
    size += chunk.byteLength
    const frames: Frame[] = []
    while (size >= 8) {
      const whole = held.length === 1 ? (held[0] ?? chunk) : Buffer.concat(held)
      held = [whole]
      const headEnd = 8 + whole.readUInt32LE(0)
      const end = headEnd + whole.readUInt32LE(4)
      if (end > MAX_BYTES) throw new Error('a message is too long')
      if (size < end) break
      frames.push({
        head: JSON.parse(whole.toString('utf8', 8, headEnd)) as unknown,
        body: whole.subarray(headEnd, end),
      })
      held = [whole.subarray(end)]
      size -= end
    }
    return frames
  }
}
