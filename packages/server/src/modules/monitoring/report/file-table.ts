import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api'
import { quoteName, quoteText } from '../../../platform/database/index.ts'
import { fail } from '../../../platform/errors.ts'
import { messageOf } from '../../../kernel/errors.ts'
import type { CurrentColumn } from '../drift/current-column.ts'
import {
  describeCategories,
  describeNumbers,
  describeTexts,
  describeVectors,
  isFew,
  isText,
  type ReferenceColumn,
} from '../drift/reference.ts'
import { gatherNumbers } from './gather-numbers.ts'

/** Rows of a table in which `column`, as text, has `value`. */
export type Segment = Readonly<{ column: string; value: string }>

/** A Parquet, CSV or NDJSON file, read one column at a time: memory holds one column, however many there are. */
export type FileTable = Readonly<{
  rows: number
  /** Names with their SQL types. */
  columns: ReadonlyMap<string, string>
  /** What is to be kept of a column to compare others with it, or why that column is not compared. */
  describe(name: string, segment?: Segment): Promise<ReferenceColumn | { because: string }>
  /** The column, read as its reference is. */
  read(name: string, kind: ReferenceColumn['kind'], segment?: Segment): Promise<CurrentColumn>
  /** The most frequent values of a column, as text. */
  topValues(name: string, count: number): Promise<string[]>
  countRows(segment: Segment): Promise<number>
  /** Up to `most` rows of some columns, drawn evenly. */
  rowsOf(names: readonly string[], most: number): Promise<DuckDBValue[][]>
}>

/** Categories that are counted one by one. */
const COUNTED_CATEGORIES = 20_000
const DRAWN_TEXTS = 2_000

const FORMATS = [
  [/\.(parquet|pq)$/i, (path: string) => `read_parquet(${path}, file_row_number = true)`, true],
  [/\.(csv|tsv)(\.gz)?$/i, (path: string) => `read_csv(${path}, sample_size = 100000)`, false],
  [/\.(ndjson|jsonl)(\.gz)?$/i, (path: string) => `read_json(${path})`, false],
] as const

type Read = (sql: string) => Promise<DuckDBValue[][]>

/** Opens a file on a connection. `name` is a word to tell tables of one connection apart. Throws `request.invalid` when it can't be read. */
export async function openFile(
  connection: DuckDBConnection,
  path: string,
  name: string
): Promise<FileTable> {
  const format = FORMATS.find(([ending]) => ending.test(path))
  if (format === undefined)
    throw fail('request.invalid', `${path}: a .parquet, .csv or .ndjson file is wanted`)
  const read: Read = async (sql) => (await connection.runAndReadAll(sql)).getRows()
  const [, scan, isInPlace] = format
  const source = scan(quoteText(path))
  try {
    // Text formats are parsed once; Parquet is read where it lies, column by column.
    await connection.run(
      isInPlace
        ? `CREATE TEMP VIEW ${name} AS SELECT *, file_row_number AS trestle_row FROM ${source}`
        : `CREATE TEMP TABLE ${name} AS SELECT *, row_number() OVER () AS trestle_row FROM ${source}`
    )
    const described = await read(`DESCRIBE ${name}`)
    const columns = new Map(
      described
        .map(([column, type]) => [String(column), String(type)] as const)
        .filter(([column]) => column !== 'trestle_row' && column !== 'file_row_number')
    )
    const [[rows = 0] = []] = await read(`SELECT count(*) FROM ${name}`)
    return tableOf({ connection, read, name, columns, rows: Number(rows) })
  } catch (error) {
    throw fail('request.invalid', `${path}: ${messageOf(error).split('\n')[0] ?? ''}`, {
      cause: error,
    })
  }
}

function tableOf(table: {
  connection: DuckDBConnection
  read: Read
  name: string
  columns: ReadonlyMap<string, string>
  rows: number
}): FileTable {
  const { connection, read, columns, rows } = table
  const from = (segment?: Segment) =>
    segment === undefined
      ? table.name
      : `(SELECT * FROM ${table.name} WHERE CAST(${quoteName(segment.column)} AS VARCHAR) = ${quoteText(segment.value)})`
  const count = async (what: string, segment?: Segment) => {
    const [[found = 0] = []] = await read(`SELECT ${what} FROM ${from(segment)}`)
    return Number(found)
  }
  const numbersOf = (name: string, segment?: Segment) =>
    gatherNumbers(connection, {
      // NULL would cost a look at each value's validity.
      sql: `SELECT coalesce(TRY_CAST(${quoteName(name)} AS DOUBLE), 'NaN'::DOUBLE) FROM ${from(segment)}`,
      capacity: rows,
    })
  const categoriesOf = async (name: string, segment?: Segment) => {
    const column = quoteName(name)
    const found = await read(
      `SELECT CAST(${column} AS VARCHAR) AS k, count(*) AS n FROM ${from(segment)} WHERE ${column} IS NOT NULL GROUP BY k ORDER BY n DESC, k LIMIT ${COUNTED_CATEGORIES}`
    )
    return new Map(found.map(([k, n]) => [String(k), Number(n)]))
  }
  /** An even draw that is the same each time: by a hash of the row's number. */
  const drawn = (name: string, type: string, segment?: Segment) => {
    const every = Math.max(1, Math.floor(rows / DRAWN_TEXTS))
    return read(
      `SELECT TRY_CAST(${quoteName(name)} AS ${type}) AS c FROM ${from(segment)} WHERE hash(trestle_row) % ${every} = 0 AND ${quoteName(name)} IS NOT NULL AND c IS NOT NULL LIMIT ${2 * DRAWN_TEXTS}`
    )
  }
  const textsOf = async (name: string, segment?: Segment) =>
    (await drawn(name, 'VARCHAR', segment)).map(([text]) => String(text))
  const vectorsOf = async (name: string, segment?: Segment) =>
    (await drawn(name, 'DOUBLE[]', segment)).map(([list]) => toVector(list ?? null))

  return {
    rows,
    columns,
    async describe(name, segment) {
      const column = quoteName(name)
      const type = kindOfType(columns.get(name) ?? '')
      if (type === 'time' || type === 'other')
        return { because: type === 'time' ? 'times only move on' : 'a nested or binary type' }
      const total = segment === undefined ? rows : await count('count(*)', segment)
      const present = await count(`count(${column})`, segment)
      const base = { name, source: 'input' as const, count: present, missing: total - present }
      if (type === 'number') {
        const { numbers } = await numbersOf(name, segment)
        const counted = { count: numbers.length, missing: total - numbers.length }
        if (numbers.length === 0 || isFew(numbers)) {
          const counts = new Map<string, number>()
          for (const value of numbers)
            counts.set(String(value), (counts.get(String(value)) ?? 0) + 1)
          return { ...base, ...counted, ...describeCategories(counts, numbers.length) }
        }
        return { ...base, ...counted, ...describeNumbers(numbers) }
      }
      if (type === 'vector') return { ...base, ...describeVectors(await vectorsOf(name, segment)) }
      const texts = await textsOf(name, segment)
      if (isText(texts, new Set(texts).size)) return { ...base, ...describeTexts(texts) }
      return { ...base, ...describeCategories(await categoriesOf(name, segment), present) }
    },
    async read(name, kind, segment) {
      const total = segment === undefined ? rows : await count('count(*)', segment)
      const type = columns.get(name)
      if (type === undefined) return emptyColumn(kind, total)
      const present = await count(`count(${quoteName(name)})`, segment)
      const missing = total - present
      const is = kindOfType(type)
      switch (kind) {
        case 'numeric': {
          const { numbers, missing: unread } = await numbersOf(name, segment)
          // A NaN among numbers is missing; a text that is no number is invalid.
          const invalid = is === 'number' ? 0 : unread - missing
          return { kind, total, missing: unread - invalid, invalid, numbers }
        }
        case 'categorical': {
          if (is === 'number') {
            const { numbers, missing: unread } = await numbersOf(name, segment)
            const counts = new Map<number, number>()
            for (const value of numbers) counts.set(value, (counts.get(value) ?? 0) + 1)
            const named = new Map([...counts].map(([value, n]) => [String(value), n]))
            return { kind, total, missing: unread, invalid: 0, counts: named, other: 0 }
          }
          const counts = await categoriesOf(name, segment)
          const counted = [...counts.values()].reduce((sum, n) => sum + n, 0)
          return { kind, total, missing, invalid: 0, counts, other: present - counted }
        }
        case 'text':
          return is === 'text'
            ? { kind, total, missing, invalid: 0, texts: await textsOf(name, segment) }
            : { ...emptyColumn(kind, total), missing, invalid: present }
        case 'embedding':
          return is === 'vector'
            ? { kind, total, missing, invalid: 0, vectors: await vectorsOf(name, segment) }
            : { ...emptyColumn(kind, total), missing, invalid: present }
      }
    },
    async topValues(name, most) {
      const values = await categoriesOf(name)
      return [...values.keys()].slice(0, most)
    },
    countRows: (segment) => count('count(*)', segment),
    rowsOf(names, most) {
      const every = Math.max(1, Math.floor(rows / most))
      return read(
        `SELECT ${names.map(quoteName).join(', ')} FROM ${table.name} WHERE hash(trestle_row) % ${every} = 0 LIMIT ${2 * most}`
      )
    },
  }
}

function kindOfType(type: string): 'number' | 'text' | 'vector' | 'time' | 'other' {
  if (/^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL\(.*\))$/.test(type))
    return 'number'
  if (/^(FLOAT|DOUBLE|DECIMAL\(.*\)|INTEGER|BIGINT)\[\d*\]$/.test(type)) return 'vector'
  if (/^(DATE|TIME|TIMESTAMP|INTERVAL)/.test(type)) return 'time'
  return /^(VARCHAR|BOOLEAN|UUID|ENUM|NULL|"NULL")/.test(type) ? 'text' : 'other'
}

function emptyColumn(kind: ReferenceColumn['kind'], total: number): CurrentColumn {
  const nothing = { total, missing: total, invalid: 0 }
  switch (kind) {
    case 'numeric':
      return { ...nothing, kind, numbers: new Float64Array(0) }
    case 'categorical':
      return { ...nothing, kind, counts: new Map(), other: 0 }
    case 'text':
      return { ...nothing, kind, texts: [] }
    case 'embedding':
      return { ...nothing, kind, vectors: [] }
  }
}

function toVector(value: DuckDBValue): Float64Array {
  const items = typeof value === 'object' && value !== null && 'items' in value ? value.items : []
  return Array.isArray(items)
    ? Float64Array.from(items, (item) => Number(item ?? NaN))
    : new Float64Array(0)
}
