import type { FeatureStatus } from '@trestle/contract'
import { readState } from '../aggregate/state.ts'
import type { Sampler } from '../consistency/sampler.ts'
import { readEntityRow } from '../rows.ts'
import { encodeKey, unpackRow } from '../row-codec.ts'
import type { Read, Selection } from '../selection.ts'
import type { Value } from '../value.ts'
import type { OnlineStore, StoredRow } from './online-store.ts'

/** Features of entity rows, row by row; `names` gives the order. Event times are in microseconds. */
export type OnlineValues = Readonly<{
  names: readonly string[]
  values: Value[][]
  statuses: FeatureStatus[][]
  eventTimesUs: (number | null)[][]
}>

type Slots = { values: Value[]; statuses: FeatureStatus[]; eventsUs: (number | null)[] }

/** Reads a selection for entity rows as of `now`. Without a promise where the store answers without one. Throws on a missing or mistyped key. */
export function readOnline(
  store: OnlineStore,
  selection: Selection,
  request: {
    rows: readonly Readonly<Record<string, unknown>>[]
    now: number
    /** Keeps some of what is served, to be checked. */
    sampler?: Sampler
    /** Computes a selection's transforms into the rows' slots. */
    transform: (rows: readonly Value[][]) => Promise<void>
    /** How long to wait for a store that answers later. */
    deadlineMs?: number | undefined
  }
): OnlineValues | Promise<OnlineValues> {
  const given = request.rows.map((row, i) => readEntityRow(row, selection, i))
  const slots = given.map((row): Slots => {
    const filled: Slots = {
      values: [...selection.missing],
      statuses: new Array<FeatureStatus>(selection.slots).fill('NOT_FOUND'),
      eventsUs: new Array<number | null>(selection.slots).fill(null),
    }
    for (const { name, slot } of selection.request) {
      const value = row.get(name) ?? null
      filled.values[slot] = value
      filled.statuses[slot] = value === null ? 'NULL_VALUE' : 'PRESENT'
    }
    return filled
  })
  const pending: Promise<void>[] = []
  const inTime = <T>(
    found: Promise<T>,
    take: (found: T) => void,
    late: () => void
  ): Promise<void> =>
    request.deadlineMs === undefined
      ? found.then(take)
      : within(found, request.deadlineMs).then((one) => (one === LATE ? late() : take(one)))
  const sampled: { read: Read; row: number }[] = []
  for (const read of selection.reads) {
    const keys: string[] = []
    const at: number[] = []
    given.forEach((row, i) => {
      const key = read.keys.map((k) => row.get(k.entity) ?? null)
      if (key.includes(null)) return
      keys.push(encodeKey(key as Exclude<Value, null>[])) // no null among them, by the line before
      at.push(i)
    })
    const nowUs = Math.round(request.now * 1000)
    const { plan } = read
    const { sampler } = request
    const sample = (): void => {
      if (sampler === undefined) return
      keys.forEach((key, j) => {
        if (sampler.takes(key, request.now)) sampled.push({ read, row: at[j] ?? 0 })
      })
    }
    const late = (): void => {
      for (const row of at)
        for (const { slot } of read.columns) {
          const target = slots[row]
          if (target !== undefined) target.statuses[slot] = 'TIMED_OUT'
        }
    }
    const eachSlot =
      <T>(fill: (target: Slots, found: T) => void) =>
      (found: readonly T[]): void => {
        sample()
        found.forEach((one, j) => {
          const target = slots[at[j] ?? -1]
          if (target !== undefined) fill(target, one)
        })
      }
    if (plan === null) {
      const fill = eachSlot((target: Slots, row: StoredRow | null) => {
        if (row !== null) fillSlots(target, read, { row, nowUs, missing: selection.missing })
      })
      const found = store.read(read.feed, keys, request.now)
      if (found instanceof Promise) pending.push(inTime(found, fill, late))
      else fill(found)
    } else {
      const fill = eachSlot((target: Slots, state: string | null) =>
        fillWindows(target, read, readState(plan, state, nowUs))
      )
      const found = store.readStates(read.feed, keys)
      if (found instanceof Promise) pending.push(inTime(found, fill, late))
      else fill(found)
    }
  }
  const answer = (): OnlineValues => {
    for (const { read, row } of sampled) {
      const [filled, keys] = [slots[row], given[row]]
      if (filled === undefined || keys === undefined) continue
      request.sampler?.keep({
        read,
        keys: read.keys.map((k) => keys.get(k.entity) ?? null),
        at: request.now,
        values: read.columns.map((c) => filled.values[c.slot] ?? null),
        eventUs: filled.eventsUs[read.columns[0]?.slot ?? -1] ?? null,
      })
    }
    return collect(selection, slots)
  }
  if (selection.transforms.length > 0)
    return Promise.all(pending)
      .then(() => request.transform(slots.map((filled) => filled.values)))
      .then(answer)
  return pending.length === 0 ? answer() : Promise.all(pending).then(answer)
}

function fillSlots(
  target: Slots,
  read: Read,
  { row, nowUs, missing }: { row: StoredRow; nowUs: number; missing: readonly Value[] }
): void {
  const stored = unpackRow(row.packed, read.types)
  const isStale = read.ttlUs !== null && nowUs > row.eventUs + read.ttlUs
  for (const { at, slot } of read.columns) {
    const value = stored[at] ?? null
    target.values[slot] = isStale ? (missing[slot] ?? null) : value
    target.statuses[slot] = isStale ? 'OUTSIDE_MAX_AGE' : value === null ? 'NULL_VALUE' : 'PRESENT'
    target.eventsUs[slot] = row.eventUs
  }
}

/** A window without events has the count 0, whether or not its entity was ever seen; every other aggregate of nothing is null. */
function fillWindows(
  target: Slots,
  read: Read,
  found: { values: readonly Value[]; eventUs: number | null }
): void {
  for (const { at, slot } of read.columns) {
    const value = found.values[at] ?? null
    target.values[slot] = value
    target.statuses[slot] =
      value !== null ? 'PRESENT' : found.eventUs === null ? 'NOT_FOUND' : 'NULL_VALUE'
    target.eventsUs[slot] = found.eventUs
  }
}

function collect(selection: Selection, slots: readonly Slots[]): OnlineValues {
  const answer: OnlineValues = {
    names: selection.outputs.map((o) => o.name),
    values: [],
    statuses: [],
    eventTimesUs: [],
  }
  for (const filled of slots) {
    const values: Value[] = []
    const statuses: FeatureStatus[] = []
    const eventsUs: (number | null)[] = []
    for (const output of selection.outputs) {
      if (output.kind === 'stored') {
        values.push(filled.values[output.slot] ?? null)
        statuses.push(filled.statuses[output.slot] ?? 'NOT_FOUND')
        eventsUs.push(filled.eventsUs[output.slot] ?? null)
      } else {
        const value = output.run(filled.values)
        values.push(value)
        // A value that was computed from a default says why there is one.
        const isMadeUp = output.inputs.some(
          (i) => (selection.missing[i] ?? null) !== null && isMissing(filled.statuses[i])
        )
        statuses.push(
          value === null || isMadeUp
            ? worstOf(output.inputs.map((i) => filled.statuses[i] ?? 'NOT_FOUND'))
            : 'PRESENT'
        )
        eventsUs.push(oldestOf(output.inputs.map((i) => filled.eventsUs[i] ?? null)))
      }
    }
    answer.values.push(values)
    answer.statuses.push(statuses)
    answer.eventTimesUs.push(eventsUs)
  }
  return answer
}

/** Why a computed value is null: an input that is not there explains it better than one that is null. */
function worstOf(statuses: readonly FeatureStatus[]): FeatureStatus {
  return statuses.find(isMissing) ?? 'NULL_VALUE'
}

const isMissing = (status: FeatureStatus | undefined): boolean =>
  status !== 'PRESENT' && status !== 'NULL_VALUE'

const LATE = Symbol('late')

function within<T>(found: Promise<T>, ms: number): Promise<T | typeof LATE> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(LATE), ms)
    found.finally(() => clearTimeout(timer)).then(resolve, reject)
  })
}

function oldestOf(times: readonly (number | null)[]): number | null {
  return times.reduce(
    (oldest, t) => (t === null ? oldest : oldest === null || t < oldest ? t : oldest),
    null
  )
}
