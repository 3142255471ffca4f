import type { FeatureStatus } from '@trestle/contract'
import type { Sampler } from '../consistency/sampler.ts'
import { encodeKey, unpackRow } from '../row-codec.ts'
import type { Output, Read, Selection } from '../selection.ts'
import { parseValue, toWire, type Value } from '../value.ts'
import type { OnlineStore, StoredRow } from './online-store.ts'

type StoredOutput = Extract<Output, { kind: 'stored' }>

/** A selection of which each answer is a stored value: it can be answered without making a value of any text. */
export type TextPlan = Readonly<{
  reads: readonly Read[]
  /** In the order of the selection. */
  outputs: readonly Readonly<{
    output: StoredOutput
    /** Which read, and which value of its row. */
    read: number
    at: number
    /** The value where there is no valid row, as JSON. */
    missing: string
  }>[]
}>

/** What one read found: for each entity its row's values as JSON, and when they are from. */
export type ReadTexts = Readonly<{
  /** Null: there is none, or it is past its ttl. */
  texts: readonly (readonly string[] | null)[]
  /** Of a row that is there and valid: `PRESENT`, whatever its values are. */
  statuses: readonly FeatureStatus[]
  eventsUs: readonly (number | null)[]
}>

const plans = new WeakMap<Selection, TextPlan | null>()

/** Null where something has to be computed. */
export function textPlanOf(selection: Selection): TextPlan | null {
  let plan = plans.get(selection)
  if (plan === undefined) plans.set(selection, (plan = makePlan(selection)))
  return plan
}

function makePlan({ reads, outputs }: Selection): TextPlan | null {
  if (reads.some((read) => read.plan !== null)) return null
  const places = new Map(
    reads.flatMap((read, i) =>
      read.columns.map(({ slot, at, missing }) => {
        const place = { read: i, at, missing: JSON.stringify(toWire(missing)) }
        return [slot, place] as const
      })
    )
  )
  const found = outputs.flatMap((output) => {
    const place = output.kind === 'stored' ? places.get(output.slot) : undefined
    return output.kind === 'stored' && place !== undefined ? [{ output, ...place }] : []
  })
  return found.length === outputs.length ? { reads, outputs: found } : null
}

/** The key values of entities by join key, one array each; null where one is missing or of another type, or more came than is asked for. */
export function readKeyColumns(
  selection: Selection,
  columns: Readonly<Record<string, unknown>>
): Map<string, readonly Value[]> | null {
  const keys = new Map<string, readonly Value[]>()
  let count = -1
  for (const name in columns) {
    const given = columns[name]
    if (!Array.isArray(given) || (count !== -1 && given.length !== count)) return null
    count = given.length
  }
  for (const { key, type } of selection.keys) {
    const given = columns[key] as readonly unknown[] | undefined // an array, by the loop before
    if (given === undefined) return null
    const values: Value[] = []
    for (const one of given) {
      const value = one === undefined ? undefined : parseValue(type, one)
      if (value === undefined) return null
      values.push(value)
    }
    keys.set(key, values)
  }
  return keys
}

/** Reads a plan's rows for entities as of `now`; without a promise where the store answers without one. */
export function readTexts(
  store: OnlineStore,
  plan: TextPlan,
  request: {
    keys: ReadonlyMap<string, readonly Value[]>
    count: number
    now: number
    sampler: Sampler
  }
): readonly ReadTexts[] | Promise<readonly ReadTexts[]> {
  const found = plan.reads.map((read): ReadTexts | Promise<ReadTexts> => {
    const columns = read.keys.map((k) => request.keys.get(k.entity) ?? [])
    const keys: string[] = []
    const at: number[] = []
    for (let i = 0; i < request.count; i++) {
      const key = keyAt(columns, i)
      if (key === null) continue
      keys.push(key)
      at.push(i)
    }
    const rows = store.read(read.feed, keys, request.now)
    const finish = (some: readonly (StoredRow | null)[]): ReadTexts => {
      keys.forEach((key, j) => {
        if (request.sampler.takes(key, request.now))
          sample(request, { read, columns, row: some[j] ?? null, at: at[j] ?? 0 })
      })
      return textsOf(read, { rows: some, at, count: request.count, now: request.now })
    }
    return rows instanceof Promise ? rows.then(finish) : finish(rows)
  })
  const isReady = (all: typeof found): all is ReadTexts[] =>
    !all.some((one) => one instanceof Promise)
  return isReady(found) ? found : Promise.all(found.map(async (one) => one))
}

function keyAt(columns: readonly (readonly Value[])[], i: number): string | null {
  const [only = []] = columns
  if (columns.length === 1) {
    const value = only[i] ?? null
    return value === null ? null : typeof value === 'string' ? value : String(value)
  }
  const values = columns.map((column) => column[i] ?? null)
  return values.includes(null) ? null : encodeKey(values as Exclude<Value, null>[]) // by the test before
}

function textsOf(
  read: Read,
  found: {
    rows: readonly (StoredRow | null)[]
    at: readonly number[]
    count: number
    now: number
  }
): ReadTexts {
  const { count } = found
  const texts = new Array<readonly string[] | null>(count).fill(null)
  const statuses = new Array<FeatureStatus>(count).fill('NOT_FOUND')
  const eventsUs = new Array<number | null>(count).fill(null)
  found.rows.forEach((row, j) => {
    const i = found.at[j] ?? 0
    if (row === null) return
    eventsUs[i] = row.eventUs
    if (isStale(read, row, found.now)) statuses[i] = 'OUTSIDE_MAX_AGE'
    else {
      statuses[i] = 'PRESENT'
      texts[i] = cutRow(row)
    }
  })
  return { texts, statuses, eventsUs }
}

const isStale = (read: Read, row: StoredRow, now: number): boolean =>
  read.ttlUs !== null && Math.round(now * 1000) > row.eventUs + read.ttlUs

function sample(
  request: { now: number; sampler: Sampler },
  {
    read,
    columns,
    row,
    at,
  }: { read: Read; columns: readonly (readonly Value[])[]; row: StoredRow | null; at: number }
): void {
  const values =
    row === null || isStale(read, row, request.now) ? null : unpackRow(row.packed, read.types)
  request.sampler.keep({
    read,
    keys: columns.map((column) => column[at] ?? null),
    at: request.now,
    values: read.columns.map((c) => (values === null ? c.missing : (values[c.at] ?? null))),
    eventUs: row?.eventUs ?? null,
  })
}

const cut = new WeakMap<StoredRow, readonly string[]>()

/** A packed row's values, each as its JSON; cut once for as long as the row is in the cache. */
function cutRow(row: StoredRow): readonly string[] {
  let texts = cut.get(row)
  if (texts === undefined) cut.set(row, (texts = cutPacked(row.packed)))
  return texts
}

export function cutPacked(packed: string): string[] {
  const inner = packed.slice(1, -1)
  if (!inner.includes('"')) return inner.split(',')
  const texts: string[] = []
  for (let from = 0, at = 0, isQuoted = false; at <= inner.length; at++) {
    const char = inner[at]
    if (isQuoted && char === '\\') at += 1
    else if (char === '"') isQuoted = !isQuoted
    else if (at === inner.length || (char === ',' && !isQuoted)) {
      texts.push(inner.slice(from, at))
      from = at + 1
    }
  }
  return texts
}
