const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const COLON = 0x3a
const COMMA = 0x2c

/**
 * A JSON object with some of its top-level members set to other values; `undefined` takes a member out. Every other byte stays as it was, so that
 * what we do not know (fields of next year, numbers beyond a double, the order of keys) reaches the other side untouched. `bytes` must be a valid object.
 */
export function setMembers(bytes: Buffer, members: Readonly<Record<string, unknown>>): Buffer {
  const spans = memberSpans(bytes)
  const isSet = (name: string): boolean => Object.hasOwn(members, name)
  const isGone = (name: string): boolean => isSet(name) && members[name] === undefined
  const parts: Buffer[] = []
  let at = 0
  const cut = (from: number, to: number, text: string): void => {
    parts.push(bytes.subarray(at, from), Buffer.from(text))
    at = to
  }
  let lastKept = -1
  for (const [i, span] of spans.entries()) {
    if (isGone(span.name)) {
      const next = spans[i + 1]
      // Up to the next member; the last one takes what stands between it and the last that is kept along.
      if (next !== undefined) cut(span.start, next.start, '')
      continue
    }
    lastKept = i
    if (isSet(span.name)) cut(span.valueStart, span.end, JSON.stringify(members[span.name]))
  }
  const last = spans.at(-1)
  if (last !== undefined && isGone(last.name)) {
    const kept = spans[lastKept]
    const whole = Buffer.concat([...parts, bytes.subarray(at, last.start)])
    const end = kept === undefined ? whole.length : whole.lastIndexOf(COMMA)
    parts.length = 0
    parts.push(whole.subarray(0, end))
    at = last.end
  }
  const names = new Set(spans.map(({ name }) => name))
  const added = Object.entries(members)
    .filter(([name, value]) => value !== undefined && !names.has(name))
    .map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`)
  if (added.length > 0) {
    const end = bytes.lastIndexOf(CLOSE_OBJECT)
    cut(end, end, `${lastKept === -1 ? '' : ','}${added.join(',')}`)
  }
  parts.push(bytes.subarray(at))
  return Buffer.concat(parts)
}

/** Where a top-level member is: from the quote of its name to the end of its value. */
type MemberSpan = Readonly<{ name: string; start: number; valueStart: number; end: number }>

/** The top-level members of a valid JSON object, in order. */
export function memberSpans(bytes: Buffer): MemberSpan[] {
  const found: MemberSpan[] = []
  let at = bytes.indexOf(OPEN_OBJECT) + 1
  for (;;) {
    at = skipSpace(bytes, at)
    if (bytes[at] !== QUOTE) return found
    const start = at
    at = skipString(bytes, at)
    const name = JSON.parse(bytes.toString('utf8', start, at)) as string // between two quotes of valid JSON
    at = skipSpace(bytes, at)
    if (bytes[at] !== COLON) return found
    const valueStart = skipSpace(bytes, at + 1)
    const end = skipValue(bytes, valueStart)
    found.push({ name, start, valueStart, end })
    at = skipSpace(bytes, end)
    if (bytes[at] !== COMMA) return found
    at++
  }
}

function skipSpace(bytes: Buffer, from: number): number {
  let at = from
  while (at < bytes.length && (bytes[at] ?? 0) <= 0x20) at++
  return at
}

function skipString(bytes: Buffer, from: number): number {
  let at = from + 1
  for (;;) {
    const quote = bytes.indexOf(QUOTE, at)
    if (quote === -1) return bytes.length
    let slashes = 0
    while (bytes[quote - 1 - slashes] === BACKSLASH) slashes++
    at = quote + 1
    if (slashes % 2 === 0) return at
  }
}

function skipValue(bytes: Buffer, from: number): number {
  const first = bytes[from]
  if (first === QUOTE) return skipString(bytes, from)
  if (first !== OPEN_OBJECT && first !== OPEN_ARRAY) {
    let at = from
    while (at < bytes.length && !isEnd(bytes[at] ?? 0)) at++
    return at
  }
  let depth = 0
  let at = from
  while (at < bytes.length) {
    const byte = bytes[at]
    if (byte === QUOTE) {
      at = skipString(bytes, at)
      continue
    }
    if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) depth++
    else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
      depth--
      if (depth === 0) return at + 1
    }
    at++
  }
  return at
}

const isEnd = (byte: number): boolean =>
  byte === COMMA || byte === CLOSE_OBJECT || byte === CLOSE_ARRAY || byte <= 0x20
