import type { Scalar } from '../../../kernel/scalar.ts'
import type { InferenceCompleted, LoggedColumn } from '../../serving/index.ts'

/** An event as the log holds it. `isSampled` false: the payload was left out by the endpoint's sampling, what is counted is still there. */
export type LogRecord = Readonly<{ event: InferenceCompleted; isSampled: boolean }>

/** A record with its place in the log. Sequence numbers rise by one and are never given twice; null is an event that the disk could not take. */
export type LoggedInference = Readonly<{ sequence: number | null; event: InferenceCompleted }>

type WireValue = number | string | boolean | null
type WireColumn = { name: string; type: LoggedColumn['type']; values: WireValue[] }
type WireScalar = number | string | boolean | { int: string }
type WireRecord = Omit<InferenceCompleted, 'inputs' | 'outputs' | 'entities'> & {
  inputs: WireColumn[]
  outputs: WireColumn[]
  entities: Record<string, WireScalar>
  sampled: boolean
}

/** One line of JSON. JSON has no NaN, infinity or 64-bit integer: they travel as text in columns whose type says what they are. */
export function encodeRecord(record: LogRecord): string {
  const { event } = record
  const wire: WireRecord = {
    ...event,
    entities: Object.fromEntries(
      Object.entries(event.entities).map(([key, value]) => [
        key,
        typeof value === 'bigint' ? { int: value.toString() } : value,
      ])
    ),
    inputs: event.inputs.map(encodeColumn),
    outputs: event.outputs.map(encodeColumn),
    sampled: record.isSampled,
  }
  return JSON.stringify(wire)
}

/** Reads what `encodeRecord` wrote; the checksum of its frame has vouched for it. */
export function decodeRecord(line: string): LogRecord {
  const { sampled, ...wire } = JSON.parse(line) as WireRecord
  return {
    event: {
      ...wire,
      entities: Object.fromEntries(
        Object.entries(wire.entities).map(([key, value]) => [
          key,
          typeof value === 'object' ? BigInt(value.int) : value,
        ])
      ),
      inputs: wire.inputs.map(decodeColumn),
      outputs: wire.outputs.map(decodeColumn),
    },
    isSampled: sampled,
  }
}

function encodeColumn(column: LoggedColumn): WireColumn {
  return {
    name: column.name,
    type: column.type,
    values: Array.from(column.values, (value): WireValue => {
      if (typeof value === 'bigint') {
        const near = Number(value)
        return Number.isSafeInteger(near) ? near : value.toString()
      }
      return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value
    }),
  }
}

function decodeColumn(column: WireColumn): LoggedColumn {
  return { ...column, values: column.values.map((value) => decodeValue(value, column.type)) }
}

function decodeValue(value: WireValue, type: LoggedColumn['type']): Scalar | null {
  if (typeof value !== 'string') return value
  if (type === 'float') return Number(value)
  return type === 'int' ? BigInt(value) : value
}
