import type { IncomingHttpHeaders } from 'node:http'

/** The head of a request that may be answered directly. */
export type RequestHead = Readonly<{
  path: string
  headers: IncomingHttpHeaders
  bodyBytes: number
}>

const HEAD =
  /^POST (\/[\w.~@:+/-]{1,512}) HTTP\/1\.1(?:\r\n[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e]*)+$/
const LENGTH = /^\d{1,9}$/

/** Each of these changes how a body or an answer is framed, or what is done with the connection. */
const NOT_PLAIN = ['transfer-encoding', 'expect', 'upgrade', 'trailer', 'te'] as const

/**
 * Reads the plainest form of a head, all lines without the empty one that ends them. Null is whatever is not that form to the letter: it is for Node's own
 * parser to read or to refuse, from its first byte, so that the two can never disagree on where a request ends.
 */
export function readHead(text: string): RequestHead | null {
  const path = HEAD.exec(text)?.[1]
  if (path === undefined) return null
  const headers: IncomingHttpHeaders = Object.create(null) as IncomingHttpHeaders
  for (let at = text.indexOf('\r\n'); at !== -1;) {
    const next = text.indexOf('\r\n', at + 2)
    const colon = text.indexOf(':', at)
    const name = text.slice(at + 2, colon).toLowerCase()
    if (headers[name] !== undefined) return null // how doubles are joined is Node's to say
    headers[name] = text.slice(colon + 1, next === -1 ? undefined : next).trim()
    at = next
  }
  if (headers.host === undefined || NOT_PLAIN.some((name) => headers[name] !== undefined))
    return null
  const { connection = 'keep-alive', 'content-length': length = '' } = headers
  if (connection.toLowerCase() !== 'keep-alive' || !LENGTH.test(length)) return null
  return { path, headers, bodyBytes: Number(length) }
}
