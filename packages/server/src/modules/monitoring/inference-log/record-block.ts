import type { InferenceCompleted, LoggedColumn } from '../../serving/index.ts'
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
type WireColumn = {
  name: string
  type: LoggedColumn['type']
  /** The values of all records, one after another. */
  values: WireValue[]
  /** How many are each record's; left out where that is the record's rows. */
  counts?: number[]
}
type Plain = Omit<InferenceCompleted, 'inputs' | 'outputs' | 'entities' | 'stages'>
type WireBlock = {
  count: number
  sampled: boolean
  /** Fields that are the same for every record. */
  same: Partial<Plain>
  /** Fields that are not: one value per record. */
  each: Partial<Record<keyof Plain, unknown[]>>
  stages: { featuresMs: number[]; queueMs: number[]; computeMs: number[] }
  /** Left out when no record has any. */
  entities?: WireEntities[]
  inputs: WireColumn[]
  outputs: WireColumn[]
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

function isSameKind(a: LogRecord, b: LogRecord): boolean {
  return (
    a.isSampled === b.isSampled &&
    a.event.endpointId === b.event.endpointId &&
    a.event.variant === b.event.variant &&
    a.event.role === b.event.role &&
    a.event.status === b.event.status &&
    hasSameColumns(a.event.inputs, b.event.inputs) &&
    hasSameColumns(a.event.outputs, b.event.outputs)
  )
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
    outputs: _outputs,
    entities: _entities,
    stages: _stages,
    ...plain
  } = first
  const same: Record<string, unknown> = {}
  const each: Record<string, unknown[]> = {}
  for (const key of Object.keys(plain) as (keyof Plain)[]) {
    const value = first[key]
    if (events.every((event) => event[key] === value)) same[key] = value
    else each[key] = events.map((event) => event[key])
  }
  const block: WireBlock = {
    count: events.length,
    sampled: records[0]?.isSampled === true,
    same,
    each,
    stages: {
      featuresMs: events.map((event) => event.stages.featuresMs),
      queueMs: events.map((event) => event.stages.queueMs),
      computeMs: events.map((event) => event.stages.computeMs),
    },
    inputs: encodeColumns(events, 'inputs'),
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

function encodeColumns(
  events: readonly InferenceCompleted[],
  side: 'inputs' | 'outputs'
): WireColumn[] {
  const columns = (events[0]?.[side] ?? []).map(({ name, type }): WireColumn => ({
    name,
    type,
    values: [],
  }))
  columns.forEach((column, c) => {
    let isByRows = true
    for (const event of events) {
      const values = event[side][c]?.values ?? []
      isByRows &&= values.length === event.rows
      for (let i = 0; i < values.length; i++) column.values.push(encodeValue(values[i] ?? null))
    }
    if (!isByRows) column.counts = events.map((event) => event[side][c]?.values.length ?? 0)
  })
  return columns
}

/** Reads what `encodeBlock` wrote; the checksum of its frame has vouched for it. */
export function decodeBlock(line: string): LogRecord[] {
  const block = JSON.parse(line) as WireBlock
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
          featuresMs: block.stages.featuresMs[i] ?? 0,
          queueMs: block.stages.queueMs[i] ?? 0,
          computeMs: block.stages.computeMs[i] ?? 0,
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
