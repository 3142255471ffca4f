/** A message of protobuf's text format: every field by its name, each with all its values. */
export type TextMessage = ReadonlyMap<string, readonly TextValue[]>
export type TextValue = string | number | boolean | TextMessage

const TOKEN = /\s+|#[^\n]*|("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|([\w.+-]+)|([{}[\]<>:,;/])/y

/** Reads protobuf's text format (protobuf.dev/reference/protobuf/textformat-spec), as far as `config.pbtxt` files use it. Throws with the place of a fault. */
export function parsePbtxt(text: string): TextMessage {
  const tokens = tokensOf(text)
  let at = 0
  const peek = (): string | undefined => tokens[at]
  const take = (): string => {
    const token = tokens[at++]
    if (token === undefined) throw new Error('it ends too early')
    return token
  }
  const skip = (...any: readonly string[]): boolean => {
    if (!any.includes(peek() ?? '')) return false
    at++
    return true
  }

  const message = (end: string | undefined): TextMessage => {
    const fields = new Map<string, TextValue[]>()
    while (peek() !== end) {
      const name = take()
      if (!/^\w+$/.test(name)) throw new Error(`"${name}" is no field name`)
      const hasColon = skip(':')
      const values = value(hasColon)
      fields.set(name, [...(fields.get(name) ?? []), ...values])
      while (skip(',', ';'));
    }
    at++
    return fields
  }
  const value = (isScalarAllowed: boolean): TextValue[] => {
    if (skip('{')) return [message('}')]
    if (skip('<')) return [message('>')]
    if (skip('[')) {
      const items: TextValue[] = []
      while (!skip(']')) {
        items.push(...value(true))
        skip(',')
      }
      return items
    }
    if (!isScalarAllowed) throw new Error(`"${take()}" stands where a value should`)
    return [scalar()]
  }
  const scalar = (): TextValue => {
    const token = take()
    if (/^[^\w+.'"-]/.test(token)) throw new Error(`"${token}" stands where a value should`)
    if (!isQuoted(token)) return plain(token)
    let whole = unquote(token)
    while (isQuoted(peek() ?? '')) whole += unquote(take()) // texts side by side are one
    return whole
  }

  return message(undefined)
}

function tokensOf(text: string): string[] {
  const tokens: string[] = []
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < text.length) {
    const from = TOKEN.lastIndex
    const match = TOKEN.exec(text)
    if (match === null) {
      const line = text.slice(0, from).split('\n').length
      throw new Error(`line ${line}: "${text.slice(from, from + 10)}" can't be read`)
    }
    const token = match[1] ?? match[2] ?? match[3]
    if (token !== undefined) tokens.push(token)
  }
  return tokens
}

const isQuoted = (token: string): boolean => token.startsWith('"') || token.startsWith("'")

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' }

const unquote = (token: string): string =>
  token.slice(1, -1).replace(/\\(.)/g, (_all, char: string) => ESCAPES[char] ?? char)

function plain(token: string): TextValue {
  if (token === 'true' || token === 'false') return token === 'true'
  return /^[+-]?(\d|\.\d)/.test(token) ? Number(token) : token // an enum's word stays as it is
}

/** The last value of a field as a text; undefined when it has none. */
export function textOf(message: TextMessage, name: string): string | undefined {
  const value = message.get(name)?.at(-1)
  return typeof value === 'string' ? value : undefined
}

export function numberOf(message: TextMessage, name: string): number | undefined {
  const value = message.get(name)?.at(-1)
  return typeof value === 'number' ? value : undefined
}

export function messageOf(message: TextMessage, name: string): TextMessage | undefined {
  const value = message.get(name)?.at(-1)
  return value instanceof Map ? value : undefined
}
