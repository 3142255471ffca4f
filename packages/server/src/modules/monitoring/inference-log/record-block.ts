import type { Scalar } from '../../../kernel/scalar.ts'
import type { InferenceCompleted, LoggedColumn } from '../../serving/index.ts'
import { pack, packIfNumbers, unpack, type PackedNumbers } from './packed-numbers.ts'
import {
  decodeEntities,
  decodeValue,
  encodeEntities,
  encodeValue,
  valuesIn,
  type LogRecord,
  type WireEntities,
} from './record.ts'

/*
 * Records of one kind (same variant, same columns) are written together, column by column: what is the same for all is written once, which makes
 * the log a third as large and as costly as one JSON object a record.
 */

type WireValue = ReturnType<typeof encodeValue>
type List<T> = readonly T[] | PackedNumbers
export type WireColumn = {
  name: string
  type: LoggedColumn['type']
  /** The values of all records, one after another. */
  values: readonly WireValue[]
  /** How many are each record's; left out where that is the record's rows. */
  counts?: number[]
}
type Plain = Omit<InferenceCompleted, 'inputs' | 'inputTable' | 'outputs' | 'entities' | 'stages'>
/** What makes records of one kind: always in `same`. */
type Kind = Pick<Plain, 'project' | 'endpoint' | 'endpointId' | 'variant' | 'role' | 'status'>
/** A block as it is worked with; on disk its lists of numbers are packed. */
export type WireBlock = {
  count: number
  sampled: boolean
  /** Fields that are the same for every record. */
  same: Partial<Plain> & Kind
  /** Fields that are not: one value per record. */
  each: Partial<Record<keyof Plain, readonly unknown[]>>
  stages: Readonly<Record<keyof InferenceCompleted['stages'], readonly unknown[]>>
  /** Left out when no record has any. */
  entities?: WireEntities[]
  inputs: WireColumn[]
  outputs: WireColumn[]
}

type DiskColumn = Omit<WireColumn, 'values'> & { values: List<WireValue> }
type DiskBlock = Omit<WireBlock, 'each' | 'stages' | 'inputs' | 'outputs'> & {
  each: Partial<Record<keyof Plain, List<unknown>>>
  stages: Readonly<Record<keyof WireBlock['stages'], List<unknown>>>
  inputs: DiskColumn[]
  outputs: DiskColumn[]
}

/** Values in a block at most, so that no line becomes too long to be read in one piece. A larger record is a block of its own. */
const MAX_VALUES = 100_000

/** Puts records of one kind side by side. Within a kind their order stays. */
export function toBlocks(records: readonly LogRecord[]): LogRecord[][] {
  const open: { records: LogRecord[]; first: LogRecord; values: number }[] = []
  const blocks: LogRecord[][] = []
  for (const record of records) {
    const values = valuesIn(record)
    const at = open.findIndex((block) => isSameKind(block.first, record))
    const block = open[at]
    if (block !== undefined && block.values + values <= MAX_VALUES) {
      block.records.push(record)
      block.values += values
      continue
    }
    const made = { records: [record], first: record, values }
    blocks.push(made.records)
    if (at === -1) open.push(made)
    else open[at] = made
  }
  return blocks
}

/** Fields that only some events have: those with and those without are of two kinds, or a block would lose them. */
const OPTIONAL = ['llm', 'isForced', 'isShadowed', 'isCached'] as const

function isSameKind(a: LogRecord, b: LogRecord): boolean {
  return (
    a.isSampled === b.isSampled &&
    a.event.project === b.event.project &&
    a.event.endpoint === b.event.endpoint &&
    a.event.endpointId === b.event.endpointId &&
    a.event.variant === b.event.variant &&
    a.event.role === b.event.role &&
    a.event.status === b.event.status &&
    OPTIONAL.every((key) => (a.event[key] === undefined) === (b.event[key] === undefined)) &&
    hasSameInputs(a.event, b.event) &&
    hasSameColumns(a.event.outputs, b.event.outputs)
  )
}

function hasSameInputs(a: InferenceCompleted, b: InferenceCompleted): boolean {
  const [one, other] = [a.inputTable ?? null, b.inputTable ?? null]
  return one === null || one.columns !== other?.columns ? hasSameColumns(a.inputs, b.inputs) : true
}

const hasSameColumns = (a: readonly LoggedColumn[], b: readonly LoggedColumn[]): boolean =>
  a.length === b.length &&
  a.every((column, i) => column.name === b[i]?.name && column.type === b[i].type)

/** One line of JSON for records of one kind. */
export function encodeBlock(records: readonly LogRecord[]): string {
  const events = records.map((record) => record.event)
  const [first] = events
  if (first === undefined) throw new Error('a block has at least one record')
  const {
    inputs: _inputs,
    inputTable: _inputTable,
    outputs: _outputs,
    entities: _entities,
    stages: _stages,
    ...plain
  } = first
  const same: Record<string, unknown> = {}
  const each: Record<string, List<unknown>> = {}
  for (const key of Object.keys(plain) as (keyof Plain)[]) {
    const value = first[key]
    if (events.every((event) => event[key] === value)) same[key] = value
    else each[key] = packIfNumbers(events.map((event) => event[key]))
  }
  const block: DiskBlock = {
    count: events.length,
    sampled: records[0]?.isSampled === true,
    same: same as WireBlock['same'], // the kind is the same for all by `isSameKind`
    each,
    stages: {
      featuresMs: packIfNumbers(events.map((event) => event.stages.featuresMs)),
      queueMs: packIfNumbers(events.map((event) => event.stages.queueMs)),
      computeMs: packIfNumbers(events.map((event) => event.stages.computeMs)),
    },
    inputs: encodeTables(events) ?? encodeColumns(events, 'inputs'),
    outputs: encodeColumns(events, 'outputs'),
  }
  if (events.some((event) => hasKeys(event.entities)))
    block.entities = events.map((event) => encodeEntities(event.entities))
  return JSON.stringify(block)
}

function hasKeys(record: object): boolean {
  for (const _key in record) return true
  return false
}

/** The inputs of events that all have a table of the same columns; null when they have not. */
function encodeTables(events: readonly InferenceCompleted[]): DiskColumn[] | null {
  const columns = events[0]?.inputTable?.columns
  if (columns === undefined) return null
  let count = 0
  for (const { inputTable, rows } of events) {
    if (inputTable?.columns !== columns || inputTable.data.length !== rows * columns.length)
      return null
    count += rows
  }
  return columns.map(({ name, type }, c) => {
    const values = new Float64Array(count)
    let at = 0
    for (const { inputTable } of events) {
      const data = inputTable?.data ?? []
      for (let i = c; i < data.length; i += columns.length) values[at++] = data[i] ?? NaN
    }
    return { name, type, values: pack(values) }
  })
}

function encodeColumns(
  events: readonly InferenceCompleted[],
  side: 'inputs' | 'outputs'
): DiskColumn[] {
  return (events[0]?.[side] ?? []).map(({ name, type }, c): DiskColumn => {
    const values: (Scalar | null)[] = []
    let isByRows = true
    for (const event of events) {
      const own = event[side][c]?.values ?? []
      isByRows &&= own.length === event.rows
      for (let i = 0; i < own.length; i++) values.push(own[i] ?? null)
    }
    const packed = type === 'float' ? packIfNumbers(values) : values
    return {
      name,
      type,
      values: 'f64' in packed ? packed : packed.map(encodeValue),
      ...(isByRows ? {} : { counts: events.map((event) => event[side][c]?.values.length ?? 0) }),
    }
  })
}

/** Reads what `encodeBlock` wrote; the checksum of its frame has vouched for it. */
export function decodeBlock(json: string): WireBlock {
  const { each, stages, inputs, outputs, ...rest } = JSON.parse(json) as DiskBlock
  return {
    ...rest,
    each: Object.fromEntries(Object.entries(each).map(([key, values]) => [key, unpack(values)])),
    stages: {
      featuresMs: unpack(stages.featuresMs),
      queueMs: unpack(stages.queueMs),
      computeMs: unpack(stages.computeMs),
    },
    inputs: inputs.map((column) => ({ ...column, values: unpack(column.values) })),
    outputs: outputs.map((column) => ({ ...column, values: unpack(column.values) })),
  }
}

/** The records of a block. */
export function recordsOf(block: WireBlock): LogRecord[] {
  const readInputs = columnReader(block.inputs)
  const readOutputs = columnReader(block.outputs)
  const each = Object.entries(block.each)
  return Array.from({ length: block.count }, (_, i): LogRecord => {
    const plain = { ...block.same } as Record<string, unknown>
    for (const [key, values] of each) plain[key] = values[i]
    const { rows } = plain as Plain // every block has its rows, as `same` or in `each`
    return {
      isSampled: block.sampled,
      event: {
        ...(plain as Plain),
        stages: {
          featuresMs: Number(block.stages.featuresMs[i]),
          queueMs: Number(block.stages.queueMs[i]),
          computeMs: Number(block.stages.computeMs[i]),
        },
        entities: decodeEntities(block.entities?.[i] ?? {}),
        inputs: readInputs({ index: i, rows }),
        outputs: readOutputs({ index: i, rows }),
      },
    }
  })
}

/** Hands out the values of one record after another. */
function columnReader(
  columns: readonly WireColumn[]
): (at: { index: number; rows: number }) => LoggedColumn[] {
  const ends = columns.map(() => 0)
  return ({ index, rows }) =>
    columns.map(({ name, type, values, counts }, c) => {
      const from = ends[c] ?? 0
      const to = from + (counts?.[index] ?? rows)
      ends[c] = to
      return { name, type, values: values.slice(from, to).map((value) => decodeValue(value, type)) }
    })
}
