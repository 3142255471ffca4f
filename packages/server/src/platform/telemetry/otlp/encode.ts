import type protobuf from 'protobufjs'
import type { HistogramDefinition, HistogramPoint } from './histograms.ts'
import { OTLP_SCHEMA } from './otlp-schema.ts'
import type { Attributes, AttributeValue, FinishedSpan } from './span.ts'

/** What every message says of its sender. */
export type Sender = Readonly<{ resource: Attributes; scope: { name: string; version: string } }>

export type Points = readonly (readonly [HistogramDefinition, readonly HistogramPoint[]])[]

/** Writes OTLP messages, in protobuf or in OTLP's JSON. */
export interface OtlpEncoder {
  spans(spans: readonly FinishedSpan[], sender: Sender): Uint8Array
  metrics(points: Points, span: { fromMs: number; toMs: number }, sender: Sender): Uint8Array
}

/** How numbers of 64 bits and ids are written. */
type Form = Readonly<{
  id: (hex: string) => unknown
  time: (ms: number) => unknown
  int: (n: number) => unknown
}>

const KINDS = { internal: 1, server: 2, client: 3 } as const
const STATUS_ERROR = 2
const CUMULATIVE = 2

export async function createEncoder(form: { isJson: boolean }): Promise<OtlpEncoder> {
  const write = form.isJson ? writeJson : await protobufWriter()
  const as = form.isJson ? JSON_FORM : BINARY_FORM
  return {
    spans: (spans, sender) =>
      write('ExportTraceServiceRequest', {
        resourceSpans: [
          {
            resource: { attributes: toAttributes(sender.resource, as) },
            scopeSpans: [{ scope: sender.scope, spans: spans.map((span) => toSpan(span, as)) }],
          },
        ],
      }),
    metrics: (points, span, sender) =>
      write('ExportMetricsServiceRequest', {
        resourceMetrics: [
          {
            resource: { attributes: toAttributes(sender.resource, as) },
            scopeMetrics: [
              {
                scope: sender.scope,
                metrics: points.map(([definition, series]) => ({
                  name: definition.name,
                  description: definition.description,
                  unit: definition.unit,
                  histogram: {
                    aggregationTemporality: CUMULATIVE,
                    dataPoints: series.map((point) => ({
                      startTimeUnixNano: as.time(span.fromMs),
                      timeUnixNano: as.time(span.toMs),
                      count: as.int(point.count),
                      sum: point.sum,
                      min: point.min,
                      max: point.max,
                      bucketCounts: point.bucketCounts.map(as.int),
                      explicitBounds: definition.bounds,
                      attributes: toAttributes(point.attributes, as),
                    })),
                  },
                })),
              },
            ],
          },
        ],
      }),
  }
}

const toSpan = (span: FinishedSpan, as: Form) => ({
  traceId: as.id(span.context.traceId),
  spanId: as.id(span.context.spanId),
  ...(span.context.parentSpanId === null ? {} : { parentSpanId: as.id(span.context.parentSpanId) }),
  ...(span.context.state === '' ? {} : { traceState: span.context.state }),
  name: span.name,
  kind: KINDS[span.kind],
  startTimeUnixNano: as.time(span.startMs),
  endTimeUnixNano: as.time(span.endMs),
  attributes: toAttributes(span.attributes, as),
  ...(span.error === null ? {} : { status: { code: STATUS_ERROR, message: span.error } }),
})

const toAttributes = (attributes: Attributes, as: Form) =>
  Object.entries(attributes).flatMap(([key, value]) =>
    value === null || value === undefined ? [] : [{ key, value: toAnyValue(value, as) }]
  )

function toAnyValue(value: AttributeValue, as: Form): object {
  if (typeof value === 'string') return { stringValue: value }
  if (typeof value === 'boolean') return { boolValue: value }
  if (typeof value === 'number')
    return Number.isSafeInteger(value) ? { intValue: as.int(value) } : { doubleValue: value }
  return { arrayValue: { values: value.map((stringValue) => ({ stringValue })) } }
}

/** Epoch ms as whole nanoseconds; a double of ns would be off by hundreds of them. */
const nanoseconds = (ms: number): bigint => {
  const whole = Math.floor(ms)
  return BigInt(whole) * 1_000_000n + BigInt(Math.round((ms - whole) * 1e6))
}

const JSON_FORM: Form = {
  id: (hex) => hex,
  time: (ms) => String(nanoseconds(ms)),
  int: String,
}
const BINARY_FORM: Form = {
  id: (hex) => Buffer.from(hex, 'hex'),
  time: (ms) => {
    const ns = nanoseconds(ms)
    return { low: Number(ns & 0xffff_ffffn) | 0, high: Number(ns >> 32n) | 0 }
  },
  int: (n) => n,
}

type Write = (type: string, message: object) => Uint8Array

const writeJson: Write = (_type, message) => Buffer.from(JSON.stringify(message))

async function protobufWriter(): Promise<Write> {
  const { default: lib } = await import('protobufjs')
  const root = lib.Root.fromJSON(OTLP_SCHEMA)
  const types = new Map<string, protobuf.Type>()
  return (name, message) => {
    let type = types.get(name)
    if (type === undefined) types.set(name, (type = root.lookupType(name)))
    return type.encode(message).finish()
  }
}
