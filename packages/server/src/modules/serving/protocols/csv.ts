import { fail } from '../../../platform/errors.ts'

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/

/**
 * Rows of a CSV (RFC 4180), numbers as numbers and empty fields as null: objects by its header line, or bare lists when the first line is all numbers,
 * as SageMaker sends it. Throws `request.malformed`.
 */
export function parseCsv(text: string): (Record<string, unknown> | unknown[])[] {
  const records = readRecords(text)
  const [header, ...rows] = records
  if (header === undefined) throw fail('request.malformed', 'The CSV is empty')
  if (header.every((field) => field === '' || NUMBER.test(field)))
    return records.map((fields) => fields.map(toValue))
  return rows.map((fields, i) => {
    if (fields.length !== header.length)
      throw fail(
        'request.malformed',
        `CSV row ${i} has ${fields.length} fields, and the header ${header.length}`
      )
    return Object.fromEntries(header.map((name, j) => [name, toValue(fields[j] ?? '')]))
  })
}

/** One line of values; texts are quoted where they must be. */
export const writeCsvRow = (values: readonly (number | bigint | string | boolean)[]): string =>
  values
    .map((value) => {
      const text = String(value)
      return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
    })
    .join(',')

function toValue(field: string): unknown {
  if (field === '') return null
  return NUMBER.test(field) ? Number(field) : field
}

function readRecords(text: string): string[][] {
  const records: string[][] = []
  let fields: string[] = []
  let at = 0
  while (at < text.length) {
    const field = text[at] === '"' ? quoted(text, at) : bare(text, at)
    fields.push(field.value)
    at = field.end
    if (text[at] === ',') {
      at++
      if (at === text.length) fields.push('')
      continue
    }
    if (text[at] === '\r') at++
    if (at < text.length && text[at] !== '\n')
      throw fail('request.malformed', `The CSV has a stray character at ${at}`)
    at++
    if (fields.length > 1 || fields[0] !== '') records.push(fields)
    fields = []
  }
  if (fields.length > 0) records.push(fields)
  return records
}

function quoted(text: string, from: number): { value: string; end: number } {
  let value = ''
  for (let at = from + 1; ;) {
    const close = text.indexOf('"', at)
    if (close === -1) throw fail('request.malformed', 'The CSV has a quote that does not end')
    value += text.slice(at, close)
    if (text[close + 1] !== '"') return { value, end: close + 1 }
    value += '"'
    at = close + 2
  }
}

function bare(text: string, from: number): { value: string; end: number } {
  let end = from
  while (end < text.length && text[end] !== ',' && text[end] !== '\n' && text[end] !== '\r') end++
  return { value: text.slice(from, end), end }
}
