import type { FeatureType } from '@trestle/contract'
import type { DuckDBConnection } from '@duckdb/node-api'
import { messageOf } from '../../../kernel/errors.ts'
import { fail } from '../../../platform/errors.ts'
import { shown } from '../rows.ts'
import type { OpenFile } from '../sources/source-files.ts'
import type { Selection } from '../selection.ts'
import { parseInstantUs, parseValue, type Value } from '../value.ts'
import { castColumn, instantColumn } from './cast.ts'
import { appendValue, sqlType } from './columns.ts'
import { quoteName } from '../../../platform/database/index.ts'
import { describe, readerSql } from './import-source.ts'
import { AT, ROW } from './point-in-time.ts'

/** The temporary table `entities`: `_row`, `_at_us` and these columns. `event_timestamp` is in microseconds. */
export type EntityTable = Readonly<{ columns: readonly string[]; count: number }>

/** Makes `entities` of given rows. Columns that no feature needs are handed through. */
export async function loadEntityRows(
  connection: DuckDBConnection,
  selection: Selection,
  rows: readonly Readonly<Record<string, unknown>>[]
): Promise<EntityTable> {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))].filter(
    (n) => n !== 'event_timestamp'
  )
  refuseClash(names, selection)
  for (const { key } of selection.keys)
    if (!names.includes(key))
      throw fail('request.invalid', `The entity rows have no "${key}"`, {
        details: { key, reason: 'missing_key' },
      })
  const columns = names.map((name) => ({
    name,
    type: selection.keys.find((k) => k.key === name)?.type ?? typeOf(rows, name),
  }))
  await connection.run(
    `CREATE TEMP TABLE entities (${ROW} BIGINT, ${AT} BIGINT, event_timestamp BIGINT${columns.map((c) => `, ${quoteName(c.name)} ${sqlType(c.type)}`).join('')})`
  )
  const appender = await connection.createAppender('entities')
  rows.forEach((row, i) => {
    const at = parseInstantUs(row['event_timestamp'])
    if (at === undefined)
      throw fail(
        'request.invalid',
        `Row ${i}: event_timestamp must be epoch milliseconds or ISO 8601, not ${shown(row['event_timestamp'])}`,
        {
          details: { row: i },
        }
      )
    appender.appendBigInt(BigInt(i))
    appender.appendBigInt(BigInt(at))
    appender.appendBigInt(BigInt(at))
    for (const { name, type } of columns) {
      const value = parseValue(type, row[name])
      if (value === undefined)
        throw fail('request.invalid', `Row ${i}: "${name}" is ${type}, not ${shown(row[name])}`, {
          details: { row: i, key: name },
        })
      appendValue(appender, type, value)
    }
    appender.endRow()
  })
  appender.closeSync()
  return { columns: ['event_timestamp', ...names], count: rows.length }
}

/** Makes `entities` of a file that the server reads. Throws `features.source_failed` where that can't be. */
export async function loadEntityFile(
  connection: DuckDBConnection,
  selection: Selection,
  { path, opened: file }: { path: string; opened: OpenFile }
): Promise<EntityTable> {
  const broken = (detail: string, cause?: unknown) =>
    fail('features.source_failed', `Entity rows ${path}: ${detail}`, {
      details: { path },
      cause,
    })
  const from = readerSql(file.format, file.path)
  const found = await describe(connection, from).catch((cause: unknown) => {
    throw broken(messageOf(cause), cause)
  })
  const names = [...found.keys()].filter((n) => n !== 'event_timestamp')
  refuseClash(names, selection)
  const isText = file.format === 'csv'
  const eventType = found.get('event_timestamp')
  if (eventType === undefined) throw broken('has no column "event_timestamp"')
  const at = instantColumn({ sql: 'event_timestamp', type: eventType, isText })
  const faults = [{ what: 'event_timestamp', ...at, bad: `(${at.value}) IS NULL` }]
  const columns = names.map((name) => {
    const key = selection.keys.find((k) => k.key === name)
    if (key === undefined) return quoteName(name)
    const type = found.get(name) ?? ''
    const cast = castColumn({ sql: quoteName(name), type, isText }, key.type)
    if (cast === null) throw broken(`"${name}" is declared ${key.type}, and the column is ${type}`)
    faults.push({ what: `"${name}"`, ...cast })
    return `${cast.value} AS ${quoteName(name)}`
  })
  for (const { key } of selection.keys)
    if (!names.includes(key)) throw broken(`has no column "${key}"`)
  const [counts = []] = (
    await connection.runAndReadAll(
      `SELECT count(*), ${faults.map((f) => `first(coalesce(CAST(${f.raw} AS VARCHAR), 'null')) FILTER (WHERE ${f.bad})`).join(', ')} FROM ${from}`
    )
  ).getRows()
  faults.forEach((fault, i) => {
    if (counts[i + 1] !== null)
      throw broken(
        `${fault.what} has the value ${String(counts[i + 1])}, which is not ${fault.expected}`
      )
  })
  await connection.run(
    `CREATE TEMP TABLE entities AS SELECT row_number() OVER () - 1 AS ${ROW}, ${at.value} AS ${AT}, ${at.value} AS event_timestamp${columns.map((c) => `, ${c}`).join('')} FROM ${from}`
  )
  await file.checkUnchanged().catch((cause: unknown) => {
    throw broken(messageOf(cause), cause)
  })
  return { columns: ['event_timestamp', ...names], count: Number(counts[0]) }
}

function refuseClash(names: readonly string[], selection: Selection): void {
  const clash = selection.outputs.find((o) =>
    names.some((n) => n.toLowerCase() === o.name.toLowerCase())
  )
  if (clash !== undefined)
    throw fail(
      'request.invalid',
      `The entity rows have a column "${clash.name}" already, which is also the name of a feature. Ask for full names`,
      {
        details: { feature: clash.name },
      }
    )
}

/** The narrowest type that holds a handed-through column; text when it holds several. */
function typeOf(rows: readonly Readonly<Record<string, unknown>>[], name: string): FeatureType {
  const fits = (type: FeatureType): boolean =>
    rows.every((row) => {
      const value: Value | undefined = parseValue(type, row[name])
      return (
        value !== undefined &&
        (value === null || typeof row[name] !== 'string' || type === 'string')
      )
    })
  for (const type of ['int64', 'float64', 'bool', 'string'] as const) if (fits(type)) return type
  throw fail('request.invalid', `The entity rows’ column "${name}" mixes types`, {
    details: { column: name },
  })
}
