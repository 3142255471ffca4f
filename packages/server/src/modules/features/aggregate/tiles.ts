import type { Value } from '../value.ts'
import { addTo, emptySum, integerSumOf, mergeSum, sumOf, type ExactSum } from './exact-sum.ts'
import type { AggregatedFeature, AggregatePlan, Needs } from './plan.ts'

type Known = Exclude<Value, null>

/** An event of an entity: its inputs, in the order of the plan. */
export type AggregateEvent = Readonly<{
  eventUs: number
  createdUs: number
  seq: number
  values: readonly Value[]
}>

/** What is kept of one input in one tile. */
export type Part = {
  count: number
  sum: ExactSum | null
  min: Known | null
  max: Known | null
  last: { eventUs: number; createdUs: number; seq: number; value: Known } | null
  values: Map<Known, number> | null
}
export type Tile = { events: number; parts: Part[] }
export type Tiles = Map<number, Tile>

const emptyPart = (needs: Needs): Part => ({
  count: 0,
  sum: needs.sum ? emptySum() : null,
  min: null,
  max: null,
  last: null,
  values: needs.values ? new Map() : null,
})

const emptyTile = (plan: AggregatePlan): Tile => ({
  events: 0,
  parts: plan.inputs.map((i) => emptyPart(i.needs)),
})

export const tileOf = (plan: AggregatePlan, us: number): number => Math.floor(us / plan.tileUs)

/** Counts an event in. The order of events changes nothing. */
export function addEvent(plan: AggregatePlan, tiles: Tiles, event: AggregateEvent): void {
  const index = tileOf(plan, event.eventUs)
  let tile = tiles.get(index)
  if (tile === undefined) tiles.set(index, (tile = emptyTile(plan)))
  tile.events += 1
  plan.inputs.forEach(({ needs }, i) => {
    const given = event.values[i] ?? null
    const part = tile.parts[i]
    if (given === null || part === undefined) return
    const value = given === 0 ? 0 : given // -0 and 0 are one value, whichever came first
    part.count += 1
    if (part.sum !== null) addTo(part.sum, value as number | bigint) // sums are of numbers, by the plan
    if (needs.ends) {
      if (part.min === null || compare(value, part.min) < 0) part.min = value
      if (part.max === null || compare(value, part.max) > 0) part.max = value
    }
    part.values?.set(value, (part.values.get(value) ?? 0) + 1)
    if (needs.last) part.last = later(part.last, { ...event, value })
  })
}

type Last = NonNullable<Part['last']>

function later(a: Last | null, b: Last): Last {
  const { eventUs, createdUs, seq, value } = b
  const isLater =
    a === null ||
    eventUs > a.eventUs ||
    (eventUs === a.eventUs &&
      (createdUs > a.createdUs || (createdUs === a.createdUs && seq > a.seq)))
  return isLater ? { eventUs, createdUs, seq, value } : a
}

/** Numbers by size, NaN after all others; text by code unit. */
function compare(a: Known, b: Known): number {
  if (typeof a === 'number' && Number.isNaN(a))
    return typeof b === 'number' && Number.isNaN(b) ? 0 : 1
  if (typeof b === 'number' && Number.isNaN(b)) return -1
  return a < b ? -1 : a > b ? 1 : 0
}

/** The tiles that a feature's window has at an instant: from the first up to, and without, the second. */
export function windowTiles(
  plan: AggregatePlan,
  feature: AggregatedFeature,
  atUs: number
): [from: number, to: number] {
  if (feature.slideUs === null) {
    const end = Math.floor(atUs / feature.windowUs) * feature.windowUs
    return [tileOf(plan, end - feature.windowUs), tileOf(plan, end)]
  }
  const begin = Math.floor(atUs / feature.slideUs) * feature.slideUs - feature.windowUs
  return [tileOf(plan, begin), tileOf(plan, atUs) + 1]
}

/** Features at an instant, of tiles that hold no event after it. */
export function readTiles(plan: AggregatePlan, tiles: Tiles, atUs: number): Value[] {
  const merged = new Map<string, Tile>()
  return plan.features.map((feature) => {
    const [from, to] = windowTiles(plan, feature, atUs)
    const id = `${from} ${to}`
    let tile = merged.get(id)
    if (tile === undefined) merged.set(id, (tile = mergeTiles(plan, tiles, [from, to])))
    return valueOf(feature, tile)
  })
}

function mergeTiles(plan: AggregatePlan, tiles: Tiles, [from, to]: [number, number]): Tile {
  const total = emptyTile(plan)
  const add = (tile: Tile): void => {
    total.events += tile.events
    total.parts.forEach((into, i) => {
      const part = tile.parts[i]
      if (part !== undefined) mergePart(into, part)
    })
  }
  if (tiles.size <= to - from) {
    for (const [index, tile] of tiles) if (index >= from && index < to) add(tile)
  } else
    for (let index = from; index < to; index++) {
      const tile = tiles.get(index)
      if (tile !== undefined) add(tile)
    }
  return total
}

function mergePart(into: Part, part: Part): void {
  into.count += part.count
  if (into.sum !== null && part.sum !== null) mergeSum(into.sum, part.sum)
  if (part.min !== null && (into.min === null || compare(part.min, into.min) < 0))
    into.min = part.min
  if (part.max !== null && (into.max === null || compare(part.max, into.max) > 0))
    into.max = part.max
  if (part.last !== null) into.last = later(into.last, part.last)
  for (const [value, count] of part.values ?? [])
    into.values?.set(value, (into.values.get(value) ?? 0) + count)
}

function valueOf(feature: AggregatedFeature, tile: Tile): Value {
  const part = feature.input < 0 ? null : tile.parts[feature.input]
  if (part === null || part === undefined) return tile.events
  switch (feature.function) {
    case 'count':
      return part.count
    case 'distinct':
      return part.values?.size ?? 0
    case 'sum':
      return part.count === 0 || part.sum === null ? null : shapeSum(feature, part.sum)
    case 'mean':
      return part.count === 0 || part.sum === null ? null : sumOf(part.sum) / part.count
    case 'min':
      return part.min
    case 'max':
      return part.max
    case 'last':
      return part.last?.value ?? null
    case 'percentile':
      return percentileOf(part, feature.percentile)
  }
}

const INT64_MAX = 9_223_372_036_854_775_807n

/** A sum of integers that no 64-bit integer holds is null. */
function shapeSum(feature: AggregatedFeature, sum: ExactSum): Value {
  if (feature.type !== 'int64') return sumOf(sum)
  const exact = integerSumOf(sum)
  if (exact > INT64_MAX || exact < -INT64_MAX - 1n) return null
  const narrow = Number(exact)
  return Number.isSafeInteger(narrow) ? narrow : exact
}

/** The value of nearest rank: the smallest that at least `percent` of all are not above. */
function percentileOf({ values, count }: Part, percent: number): Value {
  if (values === null || count === 0) return null
  const rank = Math.max(1, Math.ceil((percent * count) / 100))
  let seen = 0
  for (const [value, times] of [...values].sort(([a], [b]) => compare(a, b))) {
    seen += times
    if (seen >= rank) return value
  }
  return null
}
