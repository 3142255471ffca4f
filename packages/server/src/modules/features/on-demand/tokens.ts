export type Token = Readonly<{
  kind: 'number' | 'string' | 'word' | 'quoted' | 'op' | 'end'
  text: string
}>

const PATTERN =
  /\s+|(?<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+)|'(?<string>(?:[^']|'')*)'|"(?<quoted>(?:[^"]|"")+)"|(?<word>[A-Za-z_]\w*)|(?<op><>|<=|>=|!=|==|\|\||[-+*/%(),.=<>])/y

/** Cuts an expression into tokens. Throws a SyntaxError at the first character that fits none. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = []
  PATTERN.lastIndex = 0
  while (PATTERN.lastIndex < text.length) {
    const from = PATTERN.lastIndex
    const match = PATTERN.exec(text)
    if (match === null)
      throw new SyntaxError(`can't read ${JSON.stringify(text.slice(from, from + 12))}`)
    const groups = match.groups ?? {}
    for (const kind of ['number', 'string', 'quoted', 'word', 'op'] as const) {
      const found = groups[kind]
      if (found === undefined) continue
      tokens.push({
        kind,
        text:
          kind === 'string'
            ? found.replaceAll("''", "'")
            : kind === 'quoted'
              ? found.replaceAll('""', '"')
              : found,
      })
    }
  }
  return tokens
}
