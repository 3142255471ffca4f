const LF = 10
const CR = 13

/**
 * Cuts a stream of server-sent events into whole events, each with the blank line that ends it; joined they are the stream again, byte for byte.
 * Line ends are LF, CRLF or CR, mixed and split anywhere (WHATWG HTML, "Server-sent events"). Of CRLF CRLF the last LF begins the next cut.
 */
export function createSseCutter() {
  let held: Buffer[] = []
  let isLineEmpty = true
  let hasContent = false
  let wasCr = false

  return {
    /** The events that this chunk completes. */
    push(chunk: Buffer): Buffer[] {
      const events: Buffer[] = []
      let from = 0
      for (let i = 0; i < chunk.length; i++) {
        const byte = chunk[i]
        if (byte === LF && wasCr) {
          wasCr = false
          continue
        }
        wasCr = byte === CR
        if (byte !== LF && byte !== CR) {
          isLineEmpty = false
          hasContent = true
        } else if (isLineEmpty && hasContent) {
          events.push(joined(chunk.subarray(from, i + 1)))
          from = i + 1
          hasContent = false
        } else isLineEmpty = true
      }
      if (from < chunk.length) held.push(chunk.subarray(from))
      return events
    },
    /** What came after the last whole event; empties it. */
    rest(): Buffer {
      hasContent = false
      isLineEmpty = true
      wasCr = false
      return joined(EMPTY)
    },
  }

  function joined(last: Buffer): Buffer {
    if (held.length === 0) return last
    const whole = Buffer.concat([...held, last])
    held = []
    return whole
  }
}

const EMPTY = Buffer.alloc(0)

/** The `event` and `data` of one event; `data` is null when it has none (a comment, a keep-alive). */
export function readSseEvent(bytes: Buffer): { event: string | null; data: string | null } {
  const text = bytes.toString('utf8')
  // Nearly every event of every provider is one `data:` line.
  if (text.startsWith('data:')) {
    const end = text.search(/[\r\n]/)
    if (end > 0 && text.slice(end).trim() === '')
      return { event: null, data: afterColon(text.slice(0, end), 5) }
  }
  let event: string | null = null
  let data: string | null = null
  for (const line of text.split(/\r\n|\r|\n/)) {
    if (line.startsWith('data:')) {
      const value = afterColon(line, 5)
      data = data === null ? value : `${data}\n${value}`
    } else if (line.startsWith('event:')) event = afterColon(line, 6)
  }
  return { event, data }
}

const afterColon = (line: string, at: number): string =>
  line.charCodeAt(at) === 32 ? line.slice(at + 1) : line.slice(at)

/** One event as bytes. */
export const writeSseEvent = (data: string, event: string | null = null): Buffer =>
  Buffer.from(event === null ? `data: ${data}\n\n` : `event: ${event}\ndata: ${data}\n\n`)
