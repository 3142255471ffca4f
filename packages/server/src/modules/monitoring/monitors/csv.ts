import type { Scalar } from '../../../kernel/scalar.ts'

/** Reads CSV (RFC 4180: quotes, doubled quotes, line breaks within quotes) with a header line. Numbers become numbers, empty fields are missing. */
export function parseCsv(text: string): Record<string, Scalar | null>[] {
  const [header, ...lines] = split(text)
  if (header === undefined) return []
  return lines
    .filter((fields) => fields.length > 1 || fields[0] !== '')
    .map((fields) =>
      Object.fromEntries(header.map((name, i) => [name.trim(), toValue(fields[i] ?? '')]))
    )
}

function toValue(field: string): Scalar | null {
  const text = field.trim()
  if (text === '') return null
  if (text === 'true' || text === 'True') return true
  if (text === 'false' || text === 'False') return false
  const number = Number(text)
  return Number.isNaN(number) ? text : number
}

function split(text: string): string[][] {
  const lines: string[][] = []
  let fields: string[] = []
  let field = ''
  let isQuoted = false
  for (let i = 0; i < text.length; i++) {
    const c = text.charAt(i)
    if (isQuoted) {
      if (c !== '"') field += c
      else if (text.charAt(i + 1) === '"') {
        field += '"'
        i++
      } else isQuoted = false
    } else if (c === '"') isQuoted = true
    else if (c === ',') {
      fields.push(field)
      field = ''
    } else if (c === '\n') {
      lines.push([...fields, field.replace(/\r$/, '')])
      fields = []
      field = ''
    } else field += c
  }
  if (field !== '' || fields.length > 0) lines.push([...fields, field])
  return lines
}
