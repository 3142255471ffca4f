import type { Scalar } from '../../../kernel/scalar.ts'
import type { InferenceCompleted, LoggedColumn } from '../../serving/index.ts'

/** An event as the log holds it. `isSampled` false: the payload was left out by the endpoint's sampling, what is counted is still there. */
export type LogRecord = Readonly<{ event: InferenceCompleted; isSampled: boolean }>

/** A record with its place in the log. Sequence numbers rise by one and are never given twice; null is an event that the disk could not take. */
export type LoggedInference = Readonly<{ sequence: number | null; event: InferenceCompleted }>

/** Values of a request as a record keeps them: how many of them, its rows, is a field of its own. */
export const valuesIn = ({ event }: LogRecord): number =>
  1 +
  event.rows * ((event.inputTable?.columns.length ?? event.inputs.length) + event.outputs.length)

type WireValue = number | string | boolean | null

/** JSON has no NaN, infinity or 64-bit integer: they travel as text in columns whose type says what they are. */
export function encodeValue(value: Scalar | null): WireValue {
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (typeof value !== 'bigint') return value
  const near = Number(value)
  return Number.isSafeInteger(near) ? near : value.toString()
}

export function decodeValue(value: WireValue, type: LoggedColumn['type']): Scalar | null {
  if (typeof value !== 'string') return value
  if (type === 'float') return Number(value)
  return type === 'int' ? BigInt(value) : value
}

type WireScalar = number | string | boolean | { int: string }
export type WireEntities = Record<string, WireScalar>

export function encodeEntities(entities: InferenceCompleted['entities']): WireEntities {
  const wire: WireEntities = {}
  for (const [key, value] of Object.entries(entities))
    wire[key] = typeof value === 'bigint' ? { int: value.toString() } : value
  return wire
}

export function decodeEntities(wire: WireEntities): InferenceCompleted['entities'] {
  const entities: Record<string, Scalar> = {}
  for (const [key, value] of Object.entries(wire))
    entities[key] = typeof value === 'object' ? BigInt(value.int) : value
  return entities
}
