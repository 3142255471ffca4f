import { fail } from '../../platform/errors.ts'
import type { Storage, ViewRecord } from './definitions/model.ts'
import { isAggregated, storedColumns } from './aggregate/plan.ts'
import { encodeKey, packRow } from './row-codec.ts'
import type { Selection } from './selection.ts'
import { parseInstantUs, parseValue, type Value } from './value.ts'

/** A row that somebody pushed, read by a view's declaration. */
export type IngestRow = Readonly<{
  key: string
  values: readonly Value[]
  /** The storage's columns, for the online store. */
  packed: string
  /** Keys, then the storage's columns, for the offline store. */
  packedWithKeys: string
  eventUs: number
  createdUs: number
}>

type Given = Readonly<Record<string, unknown>>

/** Reads pushed rows. Throws at the first fault, naming row, view and column. A feature must be there; null says that there is none. */
export function readPushedRows(
  rows: readonly Given[],
  target: { view: ViewRecord; storage: Storage; nowUs: number }
): IngestRow[] {
  const { view, storage, nowUs } = target
  const declared = new Map(storedColumns(view).map((f) => [f.name, f.type]))
  const kind = isAggregated(view) ? 'input' : 'feature'
  return rows.map((row, index) => {
    const refuse = (message: string, details: object = {}) =>
      fail('request.invalid', `Row ${index} for view "${view.name}": ${message}`, {
        details: { view: view.name, row: index, ...details },
      })
    const eventUs = parseInstantUs(row['event_timestamp'])
    if (eventUs === undefined)
      throw refuse(
        `event_timestamp must be epoch milliseconds or ISO 8601, not ${shown(row['event_timestamp'])}`
      )
    const created = row['created']
    const createdUs = created === null || created === undefined ? nowUs : parseInstantUs(created)
    if (createdUs === undefined)
      throw refuse(`created must be epoch milliseconds or ISO 8601, not ${shown(created)}`)
    const keys = storage.keys.map(({ name, type }) => {
      const value = parseValue(type, row[name])
      if (value === null) throw refuse(`key "${name}" is missing`, { key: name })
      if (value === undefined)
        throw refuse(`key "${name}" is ${type}, not ${shown(row[name])}`, { key: name })
      return value
    })
    const values = storage.columns.map(({ name }): Value => {
      const type = declared.get(name)
      if (type === undefined) return null
      if (row[name] === undefined)
        throw refuse(`${kind} "${name}" is missing; say null if it has no value`, { feature: name })
      const value = parseValue(type, row[name])
      if (value === undefined)
        throw refuse(`${kind} "${name}" is ${type}, not ${shown(row[name])}`, { feature: name })
      return value
    })
    return {
      key: encodeKey(keys),
      values,
      packed: packRow(values),
      packedWithKeys: packRow([...keys, ...values]),
      eventUs,
      createdUs,
    }
  })
}

/** Throws when a row has a column that none of the views knows: a misspelt feature would otherwise be dropped without a word. */
export function refuseUnknownColumns(rows: readonly Given[], views: readonly ViewRecord[]): void {
  const known = new Set([
    'event_timestamp',
    'created',
    ...views.flatMap((v) => [...v.keys, ...storedColumns(v)].map((c) => c.name)),
  ])
  for (const row of rows)
    for (const column of Object.keys(row))
      if (!known.has(column))
        throw fail(
          'features.feature_not_found',
          `${views.length === 1 ? `View "${views[0]?.name ?? ''}" has` : `Views ${views.map((v) => `"${v.name}"`).join(', ')} have`} no key or feature "${column}"`,
          { details: { column, views: views.map((v) => v.name) } }
        )
}

/** One entity row's keys and request values, by name. Throws when one is missing or of another type. */
export function readEntityRow(row: Given, selection: Selection, index: number): Map<string, Value> {
  const values = new Map<string, Value>()
  for (const { key, type, isRequestData } of selection.keys) {
    const given = row[key]
    const what = isRequestData ? 'request value' : 'key'
    if (given === undefined)
      throw fail(
        'request.invalid',
        `Row ${index} has no ${what} "${key}", which ${readersOf(selection, key)}`,
        {
          details: { row: index, key, reason: 'missing_key' },
        }
      )
    const value = parseValue(type, given)
    if (value === undefined)
      throw fail(
        'request.invalid',
        `Row ${index}: ${what} "${key}" is ${type}, not ${shown(given)}`,
        {
          details: { row: index, key },
        }
      )
    values.set(key, value)
  }
  return values
}

function readersOf(selection: Selection, key: string): string {
  const views = selection.reads
    .filter((r) => r.keys.some((k) => k.entity === key))
    .map((r) => `"${r.view.name}"`)
  return views.length === 0 ? 'an on-demand feature reads' : `view ${views.join(', ')} is keyed by`
}

export function shown(given: unknown): string {
  if (given === undefined) return 'nothing'
  const text = typeof given === 'bigint' ? given.toString() : JSON.stringify(given)
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}
