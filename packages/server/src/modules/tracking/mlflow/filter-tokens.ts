/** A piece of a filter or order_by string. `text` is as written; `parts` are the pieces of a dotted name without their quotes. */
export type FilterToken = Readonly<
  | { kind: 'name'; text: string; parts: readonly { text: string; quote: '' | '`' | '"' }[] }
  | { kind: 'string'; text: string; value: string }
  | { kind: 'number'; text: string }
  | { kind: 'list'; text: string; items: readonly FilterToken[] }
  | { kind: 'operator'; text: string }
  | { kind: 'other'; text: string }
>

const SPACE = /\s+/y
const NUMBER = /[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.])/y
const OPERATOR = /(?:>=|<=|!=|<>|==|=|>|<)/y
const STRING = /'(?:[^']|'')*'/y
const QUOTED = /`[^`]*`|"[^"]*"/y
const BARE = /[^\s`"'()=<>!,;]+/y

/** Cuts a filter string into tokens. A dotted name (`tags."a b"`) is one token; so is a parenthesis with what it holds. */
export function tokenize(text: string): FilterToken[] {
  const tokens: FilterToken[] = []
  let at = 0
  const match = (pattern: RegExp): string | null => {
    pattern.lastIndex = at
    const found = pattern.exec(text)?.[0] ?? null
    if (found !== null) at += found.length
    return found
  }
  while (at < text.length) {
    if (match(SPACE) !== null) continue
    const string = match(STRING)
    if (string !== null) {
      tokens.push({ kind: 'string', text: string, value: string.slice(1, -1) })
      continue
    }
    const number = match(NUMBER)
    if (number !== null) {
      tokens.push({ kind: 'number', text: number })
      continue
    }
    const operator = match(OPERATOR)
    if (operator !== null) {
      tokens.push({ kind: 'operator', text: operator })
      continue
    }
    if (text[at] === '(') {
      const end = closing(text, at)
      const inner = text.slice(at + 1, end)
      tokens.push({ kind: 'list', text: text.slice(at, end + 1), items: tokenize(inner) })
      at = end + 1
      continue
    }
    const name = readName(match)
    if (name !== null) {
      tokens.push(name)
      continue
    }
    tokens.push({ kind: 'other', text: text.charAt(at) })
    at += 1
  }
  return tokens
}

/** `a.b`, `a."b c"`, `` `a b` ``: bare runs may hold dots; a quoted part follows a bare one that ends in a dot. */
function readName(match: (pattern: RegExp) => string | null): FilterToken | null {
  let text = ''
  const parts: { text: string; quote: '' | '`' | '"' }[] = []
  for (;;) {
    const quoted = text === '' || text.endsWith('.') ? match(QUOTED) : null
    if (quoted !== null) {
      text += quoted
      parts.push({ text: quoted.slice(1, -1), quote: quoted.startsWith('`') ? '`' : '"' })
      continue
    }
    const bare = match(BARE)
    if (bare === null) break
    text += bare
    parts.push({ text: bare, quote: '' })
  }
  return text === '' ? null : { kind: 'name', text, parts }
}

function closing(text: string, open: number): number {
  let quote = ''
  for (let i = open + 1; i < text.length; i++) {
    const c = text.charAt(i)
    if (quote !== '') {
      if (c === quote) quote = ''
    } else if (c === "'" || c === '"' || c === '`') quote = c
    else if (c === ')') return i
  }
  return text.length
}
