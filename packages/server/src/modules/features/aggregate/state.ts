import type { FeatureType } from '@trestle/contract'
import { parseValue, toWire, type Value } from '../value.ts'
import type { AggregatePlan } from './plan.ts'
import {
  addEvent,
  readTiles,
  tileOf,
  type AggregateEvent,
  type Part,
  type Tile,
  type Tiles,
} from './tiles.ts'

/**
 * What the online store keeps of an entity: tiles of the events whose time has come, the events that lie ahead, and which events are in, so that
 * one that comes again (a retry, a materialization after a push) counts once: all up to `floor`, and those of `above`.
 */
type State = {
  floor: number
  above: number[]
  newestUs: number | null
  tiles: Tiles
  ahead: AggregateEvent[]
}

const emptyState = (): State => ({
  floor: 0,
  above: [],
  newestUs: null,
  tiles: new Map(),
  ahead: [],
})

/**
 * Takes events into a packed state. `doneSeq`: every event up to this number has been taken in before, by all entities. The same values are read
 * whatever the order and however often events come.
 */
export function foldEvents(
  plan: AggregatePlan,
  packed: string | null,
  given: { events: readonly AggregateEvent[]; nowUs: number; doneSeq: number }
): string {
  const state = packed === null ? emptyState() : unpackState(plan, packed)
  const known = new Set(state.above)
  for (const event of given.events) {
    if (event.seq <= state.floor || known.has(event.seq)) continue
    known.add(event.seq)
    if (event.eventUs > given.nowUs) state.ahead.push(event)
    else take(plan, state, event)
  }
  settle(plan, state, given.nowUs)
  const oldest = tileOf(plan, given.nowUs - plan.keepUs)
  for (const index of state.tiles.keys()) if (index < oldest) state.tiles.delete(index)
  state.floor = Math.max(state.floor, given.doneSeq)
  state.above = [...known].filter((seq) => seq > state.floor).sort((a, b) => a - b)
  return packState(plan, state)
}

/** Features of a packed state at an instant, and the time of the newest event by then. */
export function readState(
  plan: AggregatePlan,
  packed: string | null,
  nowUs: number
): { values: Value[]; eventUs: number | null } {
  const state = packed === null ? emptyState() : unpackState(plan, packed)
  settle(plan, state, nowUs)
  return { values: readTiles(plan, state.tiles, nowUs), eventUs: state.newestUs }
}

function take(plan: AggregatePlan, state: State, event: AggregateEvent): void {
  addEvent(plan, state.tiles, event)
  if (state.newestUs === null || event.eventUs > state.newestUs) state.newestUs = event.eventUs
}

/** Counts events in whose time has come. */
function settle(plan: AggregatePlan, state: State, nowUs: number): void {
  if (!state.ahead.some((e) => e.eventUs <= nowUs)) return
  for (const event of state.ahead) if (event.eventUs <= nowUs) take(plan, state, event)
  state.ahead = state.ahead.filter((e) => e.eventUs > nowUs)
}

type Packed = {
  f: number
  x: number[]
  n: number | null
  t: [index: number, events: number, ...parts: PackedPart[]][]
  a: [eventUs: number, createdUs: number, seq: number, ...values: ReturnType<typeof toWire>[]][]
}
type Wire = ReturnType<typeof toWire>
type PackedPart = [
  count: number,
  sum: number[] | 0,
  min: Wire,
  max: Wire,
  last: [number, number, number, Wire] | 0,
  values: [Wire, number][] | 0,
]

function packState(plan: AggregatePlan, state: State): string {
  const packed: Packed = {
    f: state.floor,
    x: state.above,
    n: state.newestUs,
    t: [...state.tiles]
      .sort(([a], [b]) => a - b)
      .map(([index, tile]) => [index, tile.events, ...tile.parts.map(packPart)]),
    a: state.ahead
      .toSorted((a, b) => a.seq - b.seq)
      .map((e) => [
        e.eventUs,
        e.createdUs,
        e.seq,
        ...plan.inputs.map((_, i) => toWire(e.values[i] ?? null)),
      ]),
  }
  return JSON.stringify(packed)
}

const packPart = (part: Part): PackedPart => [
  part.count,
  part.sum === null ? 0 : [part.sum.nan, part.sum.plus, part.sum.minus, ...part.sum.parts],
  toWire(part.min),
  toWire(part.max),
  part.last === null
    ? 0
    : [part.last.eventUs, part.last.createdUs, part.last.seq, toWire(part.last.value)],
  part.values === null ? 0 : [...part.values].map(([value, count]) => [toWire(value), count]),
]

function unpackState(plan: AggregatePlan, text: string): State {
  const packed = JSON.parse(text) as Packed // written by packState
  const types = plan.inputs.map((i) => i.type)
  return {
    floor: packed.f,
    above: packed.x,
    newestUs: packed.n,
    tiles: new Map(
      packed.t.map(([index, events, ...parts]): [number, Tile] => [
        index,
        { events, parts: parts.map((part, i) => unpackPart(part, types[i] ?? 'string')) },
      ])
    ),
    ahead: packed.a.map(([eventUs, createdUs, seq, ...values]) => ({
      eventUs,
      createdUs,
      seq,
      values: values.map((v, i) => fromWire(v, types[i] ?? 'string')),
    })),
  }
}

function unpackPart([count, sum, min, max, last, values]: PackedPart, type: FeatureType): Part {
  return {
    count,
    sum:
      sum === 0
        ? null
        : { nan: sum[0] ?? 0, plus: sum[1] ?? 0, minus: sum[2] ?? 0, parts: sum.slice(3) },
    min: fromWire(min, type),
    max: fromWire(max, type),
    last:
      last === 0
        ? null
        : {
            eventUs: last[0],
            createdUs: last[1],
            seq: last[2],
            value: fromWire(last[3], type) ?? 0,
          },
    values:
      values === 0 ? null : new Map(values.map(([value, n]) => [fromWire(value, type) ?? 0, n])),
  }
}

const fromWire = (wire: Wire, type: FeatureType): Value =>
  typeof wire === 'string' && type !== 'string' ? (parseValue(type, wire) ?? null) : wire
