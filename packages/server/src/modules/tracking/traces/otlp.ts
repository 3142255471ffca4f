/** OpenTelemetry's trace export over HTTP (opentelemetry.io/docs/specs/otlp, OTLP/HTTP), in protobuf or JSON, into one form. */
import { promisify } from 'node:util'
import { gunzip, inflate } from 'node:zlib'
import type protobuf from 'protobufjs'
import { z } from 'zod'
import { invalidParameter, MlflowError } from '../mlflow/mlflow-error.ts'
import { OTLP_SCHEMA } from '../../../platform/telemetry/otlp/index.ts'

/** A value of an attribute. 64-bit integers are text, bytes base64. */
export type AnyValue =
  | { stringValue: string }
  | { boolValue: boolean }
  | { intValue: string }
  | { doubleValue: number | string }
  | { arrayValue: { values: AnyValue[] } }
  | { kvlistValue: { values: Attribute[] } }
  | { bytesValue: string }
  | Record<string, never>

export type Attribute = { key: string; value: AnyValue }

/** A span; ids are lower-case hex, an absent parent is ''. Times are nanoseconds as text. */
export type OtlpSpan = Readonly<{
  traceId: string
  spanId: string
  parentSpanId: string
  name: string
  startTimeUnixNano: string
  endTimeUnixNano: string
  attributes: readonly Attribute[]
  events: readonly { timeUnixNano: string; name: string; attributes: readonly Attribute[] }[]
  links: readonly { traceId: string; spanId: string; attributes: readonly Attribute[] }[]
  status: { code: number; message: string }
}>

export type OtlpResourceSpans = Readonly<{
  resource: readonly Attribute[]
  spans: readonly OtlpSpan[]
}>

const MAX_DEPTH = 32
const MAX_BYTES = 64 * 1024 * 1024 // after decompression: a small body must not become an unbounded one

const integer = z.union([z.string().regex(/^-?\d{1,20}$/), z.number().int()]).transform(String)
const hex = (bytes: number) =>
  z
    .string()
    .regex(new RegExp(`^[0-9a-fA-F]{${bytes * 2}}$`))
    .transform((id) => id.toLowerCase())

const anyValue: z.ZodType<AnyValue> = z.lazy(() =>
  z.union([
    z.object({ stringValue: z.string() }),
    z.object({ boolValue: z.boolean() }),
    z.object({ intValue: integer }),
    z.object({ doubleValue: z.union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity'])]) }),
    z.object({ arrayValue: z.object({ values: z.array(anyValue).default([]) }) }),
    z.object({ kvlistValue: z.object({ values: z.array(attribute).default([]) }) }),
    z.object({ bytesValue: z.string() }),
    z.object({}),
  ])
)
const attribute: z.ZodType<Attribute> = z.lazy(() =>
  z.object({ key: z.string(), value: anyValue.default({}) })
)
const attributes = z.array(attribute).default([])

const CODES = ['STATUS_CODE_UNSET', 'STATUS_CODE_OK', 'STATUS_CODE_ERROR']
const code = z
  .union([z.number().int(), z.enum(CODES)])
  .transform((value) => (typeof value === 'number' ? value : CODES.indexOf(value)))

const span = z.object({
  traceId: hex(16),
  spanId: hex(8),
  parentSpanId: z.union([z.literal(''), hex(8)]).default(''),
  name: z.string().default(''),
  startTimeUnixNano: integer.default('0'),
  endTimeUnixNano: integer.default('0'),
  attributes,
  events: z
    .array(
      z.object({ timeUnixNano: integer.default('0'), name: z.string().default(''), attributes })
    )
    .default([]),
  links: z.array(z.object({ traceId: hex(16), spanId: hex(8), attributes })).default([]),
  status: z
    .object({ code: code.default(0), message: z.string().default('') })
    .default({ code: 0, message: '' }),
})

const exported = z.object({
  resourceSpans: z
    .array(
      z.object({
        resource: z.object({ attributes }).default({ attributes: [] }),
        scopeSpans: z.array(z.object({ spans: z.array(span).default([]) })).default([]),
      })
    )
    .min(1),
})

/** Reads an export. Throws INVALID_PARAMETER_VALUE for what is no OTLP, or holds a span without its ids. */
export async function readOtlp(
  body: Uint8Array,
  form: { isJson: boolean; encoding: string }
): Promise<OtlpResourceSpans[]> {
  const plain = await decompress(body, form.encoding)
  const message = form.isJson ? readJson(plain) : await readProtobuf(plain)
  const parsed = exported.safeParse(cleaned(message))
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw invalidParameter(
      `Invalid OpenTelemetry format: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`
    )
  }
  return parsed.data.resourceSpans.map(({ resource, scopeSpans }) => ({
    resource: resource.attributes,
    spans: scopeSpans.flatMap((scope) => scope.spans),
  }))
}

async function decompress(body: Uint8Array, encoding: string): Promise<Uint8Array> {
  const options = { maxOutputLength: MAX_BYTES }
  try {
    switch (encoding) {
      case '':
      case 'identity':
        return body
      case 'gzip':
        return await promisify(gunzip)(body, options)
      case 'deflate':
        return await promisify(inflate)(body, options)
    }
  } catch (error) {
    throw new MlflowError('BAD_REQUEST', `The body is not valid ${encoding}`, { cause: error })
  }
  throw new MlflowError('BAD_REQUEST', `Content-Encoding ${encoding} is not supported`)
}

function readJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString('utf8'))
  } catch (error) {
    throw new MlflowError('BAD_REQUEST', 'Invalid OpenTelemetry format: not JSON', { cause: error })
  }
}

let request: Promise<protobuf.Type> | null = null

async function readProtobuf(body: Uint8Array): Promise<unknown> {
  request ??= import('protobufjs').then(({ default: lib }) =>
    lib.Root.fromJSON(OTLP_SCHEMA).lookupType('ExportTraceServiceRequest')
  )
  const type = await request
  try {
    return toJson(type.toObject(type.decode(body), { longs: String, arrays: false }))
  } catch (error) {
    throw new MlflowError('BAD_REQUEST', 'Invalid OpenTelemetry format: not protobuf', {
      cause: error,
    })
  }
}

const IDS = new Set(['traceId', 'spanId', 'parentSpanId'])

/** As OTLP writes JSON: ids in hex, other bytes in base64, numbers that JSON lacks as words. */
function toJson(node: unknown, name = '', depth = 0): unknown {
  if (depth > MAX_DEPTH * 3) throw new Error('values are nested too deeply')
  if (node instanceof Uint8Array)
    return Buffer.from(node).toString(IDS.has(name) ? 'hex' : 'base64')
  if (typeof node === 'number' && !Number.isFinite(node)) return String(node)
  if (Array.isArray(node)) return node.map((item) => toJson(item, name, depth + 1))
  if (typeof node !== 'object' || node === null) return node
  return Object.fromEntries(
    Object.entries(node).map(([key, value]) => [key, toJson(value, key, depth + 1)])
  )
}

/** Refuses what is nested too deeply, and replaces NUL, which PostgreSQL's text and JSON do not hold. */
function cleaned(node: unknown, depth = 0): unknown {
  if (depth > MAX_DEPTH * 3) throw invalidParameter('Values are nested too deeply')
  if (typeof node === 'string') return node.replaceAll('\0', '\uFFFD')
  if (Array.isArray(node)) return node.map((item) => cleaned(item, depth + 1))
  if (typeof node !== 'object' || node === null) return node
  return Object.fromEntries(
    Object.entries(node).map(([key, value]) => [
      key.replaceAll('\0', '\uFFFD'),
      cleaned(value, depth + 1),
    ])
  )
}
