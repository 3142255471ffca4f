import type { AnyValue, Attribute, OtlpSpan } from './otlp.ts'
import type { SpanRow, TraceState } from './trace-records.ts'

const STATUS_CODES = ['STATUS_CODE_UNSET', 'STATUS_CODE_OK', 'STATUS_CODE_ERROR']
const STATUSES = ['UNSET', 'OK', 'ERROR']

/** What OpenTelemetry's conventions for generative AI call an operation, in MLflow's span types. */
const TYPE_OF_OPERATION: Readonly<Record<string, string>> = {
  chat: 'CHAT_MODEL',
  generate_content: 'CHAT_MODEL',
  text_completion: 'LLM',
  embeddings: 'EMBEDDING',
  execute_tool: 'TOOL',
  invoke_agent: 'AGENT',
  create_agent: 'AGENT',
}

/** A trace of MLflow's is named after its OpenTelemetry id. */
export const traceIdOf = (span: OtlpSpan): string => `tr-${span.traceId}`

export const stateOf = (span: OtlpSpan): TraceState => (span.status.code === 2 ? 'ERROR' : 'OK')

export const plainAttributes = (list: readonly Attribute[]): Record<string, unknown> =>
  Object.fromEntries(list.map(({ key, value }) => [key, plain(value)]))

/** A value as JSON; integers beyond what a number holds exactly stay text. */
export function plain(value: AnyValue): unknown {
  if ('stringValue' in value) return value.stringValue
  if ('boolValue' in value) return value.boolValue
  if ('intValue' in value) {
    const number = Number(value.intValue)
    return Number.isSafeInteger(number) ? number : value.intValue
  }
  if ('doubleValue' in value) return value.doubleValue
  if ('arrayValue' in value) return value.arrayValue.values.map(plain)
  if ('kvlistValue' in value) return plainAttributes(value.kvlistValue.values)
  return 'bytesValue' in value ? value.bytesValue : null
}

/** A value as text to show or to search: text as it is, the rest as JSON. */
export const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : JSON.stringify(value)

/** MLflow's own exporter sends attributes that are JSON in a string; others send plain text. */
export function unwrapped(value: unknown): unknown {
  if (typeof value !== 'string' || !value.startsWith('"')) return value
  try {
    return JSON.parse(value)
  } catch {
    return value
  }
}

/** A span as it is kept. */
export function toSpanRow(span: OtlpSpan): SpanRow {
  const given = plainAttributes(span.attributes)
  const searchable = Object.fromEntries(
    Object.entries(given).map(([key, value]) => [key, textOf(unwrapped(value))])
  )
  return {
    span_id: span.spanId,
    parent_id: span.parentSpanId === '' ? null : span.parentSpanId,
    name: span.name,
    type: typeOf(given),
    status: STATUSES[span.status.code] ?? 'UNSET',
    start_order: span.startTimeUnixNano.padStart(20, '0'),
    attributes: JSON.stringify(searchable),
    content: JSON.stringify(toWire(span)),
  }
}

function typeOf(given: Readonly<Record<string, unknown>>): string {
  const own = unwrapped(given['mlflow.spanType'])
  if (typeof own === 'string' && own !== '') return own
  const kind = given['openinference.span.kind']
  if (typeof kind === 'string') return kind === 'LLM' ? 'CHAT_MODEL' : kind
  const operation = given['gen_ai.operation.name']
  return typeof operation === 'string' ? (TYPE_OF_OPERATION[operation] ?? 'UNKNOWN') : 'UNKNOWN'
}

/** The span as MLflow's protobuf writes it in JSON. */
function toWire(span: OtlpSpan): object {
  const id = Buffer.from(span.traceId, 'hex').toString('base64')
  return {
    trace_id: id,
    span_id: base64(span.spanId),
    ...(span.parentSpanId === '' ? {} : { parent_span_id: base64(span.parentSpanId) }),
    name: span.name,
    start_time_unix_nano: span.startTimeUnixNano,
    ...(span.endTimeUnixNano === '0' ? {} : { end_time_unix_nano: span.endTimeUnixNano }),
    attributes: [
      // The id in the span's own attributes is a claim; the trace's id is what it came under.
      {
        key: 'mlflow.traceRequestId',
        value: { string_value: requestIdLike(span, traceIdOf(span)) },
      },
      ...span.attributes.filter((a) => a.key !== 'mlflow.traceRequestId').map(wireAttribute),
    ],
    ...(span.events.length === 0
      ? {}
      : {
          events: span.events.map((event) => ({
            time_unix_nano: event.timeUnixNano,
            name: event.name,
            attributes: event.attributes.map(wireAttribute),
          })),
        }),
    ...(span.links.length === 0
      ? {}
      : {
          links: span.links.map((link) => ({
            trace_id: base64(link.traceId),
            span_id: base64(link.spanId),
            attributes: link.attributes.map(wireAttribute),
          })),
        }),
    status: {
      code: STATUS_CODES[span.status.code] ?? 'STATUS_CODE_UNSET',
      ...(span.status.message === '' ? {} : { message: span.status.message }),
    },
  }
}

/** Quoted where the client quotes its own. */
function requestIdLike(span: OtlpSpan, id: string): string {
  const given = span.attributes.find((a) => a.key === 'mlflow.traceRequestId')?.value
  const text = given !== undefined && 'stringValue' in given ? given.stringValue : ''
  return text.startsWith('"') ? JSON.stringify(id) : id
}

const base64 = (hex: string): string => Buffer.from(hex, 'hex').toString('base64')

const wireAttribute = ({ key, value }: Attribute): object => ({ key, value: wireValue(value) })

function wireValue(value: AnyValue): object {
  if ('stringValue' in value) return { string_value: value.stringValue }
  if ('boolValue' in value) return { bool_value: value.boolValue }
  if ('intValue' in value) return { int_value: value.intValue }
  if ('doubleValue' in value) return { double_value: value.doubleValue }
  if ('arrayValue' in value)
    return { array_value: { values: value.arrayValue.values.map(wireValue) } }
  if ('kvlistValue' in value)
    return { kvlist_value: { values: value.kvlistValue.values.map(wireAttribute) } }
  return 'bytesValue' in value ? { bytes_value: value.bytesValue } : {}
}
