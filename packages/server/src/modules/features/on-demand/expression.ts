import { tokenize, type Token } from './tokens.ts'

/** A SQL scalar expression as a tree. */
export type Node =
  | { kind: 'literal'; value: number | string | boolean | null }
  | { kind: 'name'; name: string }
  | { kind: 'unary'; op: '-' | 'NOT'; of: Node }
  | { kind: 'binary'; op: string; left: Node; right: Node }
  | { kind: 'is-null'; of: Node; negated: boolean }
  | { kind: 'in'; of: Node; list: readonly Node[]; negated: boolean }
  | { kind: 'case'; when: readonly { test: Node; then: Node }[]; otherwise: Node }
  | { kind: 'call'; name: string; args: readonly Node[] }

export type ParsedExpression =
  { kind: 'ok'; tree: Node; names: readonly string[] } | { kind: 'error'; message: string }

const COMPARISONS = new Set(['=', '==', '<>', '!=', '<', '<=', '>', '>='])
const FUNCTIONS: Readonly<Record<string, readonly [min: number, max: number]>> = {
  ABS: [1, 1],
  CEIL: [1, 1],
  COALESCE: [1, 100],
  EXP: [1, 1],
  FLOOR: [1, 1],
  GREATEST: [1, 100],
  LEAST: [1, 100],
  LENGTH: [1, 1],
  LN: [1, 1],
  LOG10: [1, 1],
  LOWER: [1, 1],
  NULLIF: [2, 2],
  POWER: [2, 2],
  ROUND: [1, 2],
  SQRT: [1, 1],
  UPPER: [1, 1],
}
const MAX_DEPTH = 200

/**
 * Reads a SQL scalar expression: literals, names (`trips`, `stats.trips`), arithmetic, comparison, AND/OR/NOT, IS NULL, IN, BETWEEN, CASE, and the
 * functions above. One parser and one evaluator serve online and offline, so that both give the same value.
 */
export function parseExpression(text: string): ParsedExpression {
  try {
    const tokens = tokenize(text)
    const names = new Set<string>()
    const parser = createParser(tokens, names)
    const tree = parser.expression()
    parser.expectEnd()
    return { kind: 'ok', tree, names: [...names] }
  } catch (error) {
    if (error instanceof SyntaxError) return { kind: 'error', message: error.message }
    throw error
  }
}

function createParser(tokens: readonly Token[], names: Set<string>) {
  let at = 0
  let depth = 0
  const peek = (): Token => tokens[at] ?? { kind: 'end', text: '' }
  const is = (...texts: string[]): boolean =>
    peek().kind !== 'string' &&
    peek().kind !== 'quoted' &&
    texts.includes(peek().text.toUpperCase())
  const take = (...texts: string[]): boolean => {
    if (!is(...texts)) return false
    at += 1
    return true
  }
  const expect = (text: string): void => {
    if (!take(text)) throw new SyntaxError(`expected ${text}, found ${shown(peek())}`)
  }
  const nested = (read: () => Node): Node => {
    if (++depth > MAX_DEPTH) throw new SyntaxError('the expression is nested too deeply')
    const node = read()
    depth -= 1
    return node
  }
  const chain = (next: () => Node, ops: readonly string[]): Node => {
    let left = next()
    while (is(...ops)) {
      const op = peek().text.toUpperCase()
      at += 1
      left = { kind: 'binary', op, left, right: next() }
    }
    return left
  }

  const expression = (): Node => nested(() => chain(conjunction, ['OR']))
  const conjunction = (): Node => chain(negation, ['AND'])
  const negation = (): Node =>
    take('NOT') ? { kind: 'unary', op: 'NOT', of: nested(negation) } : comparison()

  const comparison = (): Node => {
    const left = sum()
    if (peek().kind === 'op' && COMPARISONS.has(peek().text)) {
      const op = peek().text
      at += 1
      return { kind: 'binary', op: op === '==' ? '=' : op === '!=' ? '<>' : op, left, right: sum() }
    }
    if (take('IS')) {
      const negated = take('NOT')
      expect('NULL')
      return { kind: 'is-null', of: left, negated }
    }
    const negated =
      is('NOT') && ['IN', 'BETWEEN'].includes(tokens[at + 1]?.text.toUpperCase() ?? '')
    if (negated) at += 1
    if (take('IN')) {
      expect('(')
      return { kind: 'in', of: left, list: listUntilParen(), negated }
    }
    if (!take('BETWEEN')) return left
    const low = sum()
    expect('AND')
    const between: Node = {
      kind: 'binary',
      op: 'AND',
      left: { kind: 'binary', op: '>=', left, right: low },
      right: { kind: 'binary', op: '<=', left, right: sum() },
    }
    return negated ? { kind: 'unary', op: 'NOT', of: between } : between
  }
  const sum = (): Node => chain(product, ['+', '-', '||'])
  const product = (): Node => chain(sign, ['*', '/', '%'])
  const sign = (): Node => {
    if (take('-')) return { kind: 'unary', op: '-', of: nested(sign) }
    take('+')
    return primary()
  }

  const listUntilParen = (): Node[] => {
    const items = [expression()]
    while (take(',')) items.push(expression())
    expect(')')
    return items
  }

  const primary = (): Node => {
    const token = peek()
    at += 1
    if (token.kind === 'number') return { kind: 'literal', value: Number(token.text) }
    if (token.kind === 'string') return { kind: 'literal', value: token.text }
    if (token.kind === 'op' && token.text === '(') {
      const inner = expression()
      expect(')')
      return inner
    }
    if (token.kind !== 'word' && token.kind !== 'quoted')
      throw new SyntaxError(`expected a value, found ${shown(token)}`)
    const word = token.kind === 'word' ? token.text.toUpperCase() : ''
    if (word === 'NULL') return { kind: 'literal', value: null }
    if (word === 'TRUE' || word === 'FALSE') return { kind: 'literal', value: word === 'TRUE' }
    if (word === 'CASE') return caseWhen()
    if (token.kind === 'word' && take('(')) return call(word)
    return name(token.text)
  }
  const call = (word: string): Node => {
    const arity = FUNCTIONS[word]
    if (arity === undefined)
      throw new SyntaxError(`no function ${word}; there are ${Object.keys(FUNCTIONS).join(', ')}`)
    const args = listUntilParen()
    if (args.length < arity[0] || args.length > arity[1])
      throw new SyntaxError(`${word} does not take ${args.length} arguments`)
    return { kind: 'call', name: word, args }
  }
  const name = (first: string): Node => {
    let full = first
    if (take('.')) {
      full = `${first}.${peek().text}`
      at += 1
    }
    names.add(full)
    return { kind: 'name', name: full }
  }
  const caseWhen = (): Node => {
    const when: { test: Node; then: Node }[] = []
    while (take('WHEN')) {
      const test = expression()
      expect('THEN')
      when.push({ test, then: expression() })
    }
    if (when.length === 0) throw new SyntaxError('CASE needs WHEN')
    const otherwise: Node = take('ELSE') ? expression() : { kind: 'literal', value: null }
    expect('END')
    return { kind: 'case', when, otherwise }
  }

  return {
    expression,
    expectEnd(): void {
      if (peek().kind !== 'end') throw new SyntaxError(`unexpected ${shown(peek())}`)
    },
  }
}

const shown = (token: Token): string => (token.kind === 'end' ? 'the end' : `"${token.text}"`)
