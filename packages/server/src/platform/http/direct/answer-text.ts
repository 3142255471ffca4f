import { STATUS_CODES } from 'node:http'
import type { DirectAnswer } from './direct-route.ts'

/** How an answer leaves: one text, or bytes when the body is bytes. */
export type Outgoing = Readonly<{ data: string; encoding: BufferEncoding } | { data: Buffer }>

const FORBIDDEN = /[^\t\x20-\x7e]/

/** `last` says that the connection ends after it. */
export function writeAnswerText(
  { status, headers, body }: DirectAnswer,
  more: { requestId: string; date: string; keepAliveSeconds: number; isLast: boolean }
): Outgoing {
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nx-request-id: ${more.requestId}\r\nx-content-type-options: nosniff\r\n`
  for (const name in headers) {
    const value = headers[name] ?? ''
    if (FORBIDDEN.test(value))
      throw new Error(`the header ${name} has a character that none may have`)
    head += `${name}: ${value}\r\n`
  }
  head += `content-length: ${length}\r\nDate: ${more.date}\r\n`
  head += more.isLast
    ? 'Connection: close\r\n\r\n'
    : `Connection: keep-alive\r\nKeep-Alive: timeout=${more.keepAliveSeconds}\r\n\r\n`
  if (typeof body !== 'string') return { data: Buffer.concat([Buffer.from(head, 'latin1'), body]) }
  // As many bytes as characters is ASCII, which needs no encoding.
  return { data: head + body, encoding: length === body.length ? 'latin1' : 'utf8' }
}

/** The `Date` header, made once a second. */
export function createDateText(now: () => number): () => string {
  let second = 0
  let text = ''
  return () => {
    const current = Math.floor(now() / 1_000)
    if (current !== second) {
      second = current
      text = new Date(current * 1_000).toUTCString()
    }
    return text
  }
}
