/** OpenTelemetry's own variables (opentelemetry.io/docs/specs/otel/protocol/exporter), for OTLP over HTTP. */
import { z } from 'zod'

export type OtlpTarget = Readonly<{
  url: string
  headers: Readonly<Record<string, string>>
  timeoutMs: number
  isJson: boolean
  isGzip: boolean
}>

export type OtlpSettings = Readonly<{
  /** Null: that signal is not sent. */
  traces: OtlpTarget | null
  metrics: OtlpTarget | null
  metricsEveryMs: number
  /** Share of the traces that begin here that are sent; who comes with a trace decides itself. */
  sampledShare: number
  /** Whether a caller's decision counts. */
  isParentBased: boolean
  resource: Readonly<Record<string, string>>
}>

const url = z.union([z.literal(''), z.url({ protocol: /^https?$/ })]).default('')
const protocol = z
  .enum(['', 'http/protobuf', 'http/json'], {
    error: 'must be http/protobuf or http/json; gRPC is not spoken',
  })
  .default('')
const compression = z.enum(['', 'none', 'gzip']).default('')
const milliseconds = z
  .union([z.literal(''), z.coerce.number().int().positive()])
  .transform((value) => (value === '' ? null : value))
  .default(null)
const exporter = z.enum(['', 'otlp', 'none'], { error: 'must be otlp or none' }).default('')
const pairs = z
  .string()
  .default('')
  .transform((text, context) => {
    const entries = text
      .split(',')
      .filter((pair) => pair.trim() !== '')
      .map((pair) => {
        const at = pair.indexOf('=')
        if (at < 1) context.addIssue({ code: 'custom', message: 'must be key=value, key=value …' })
        return [pair.slice(0, at).trim(), decoded(pair.slice(at + 1).trim())] as const
      })
    return Object.fromEntries(entries)
  })

const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const

/** The variables as a part of the server's environment. */
export const otlpEnvironment = {
  /** An OpenTelemetry collector or anything that takes OTLP over HTTP, e.g. http://localhost:4318. Empty: nothing is sent. */
  OTEL_EXPORTER_OTLP_ENDPOINT: url,
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: url,
  OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: url,
  OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: protocol,
  OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: protocol,
  OTEL_EXPORTER_OTLP_HEADERS: pairs,
  OTEL_EXPORTER_OTLP_TRACES_HEADERS: pairs,
  OTEL_EXPORTER_OTLP_METRICS_HEADERS: pairs,
  OTEL_EXPORTER_OTLP_COMPRESSION: compression,
  OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: compression,
  OTEL_EXPORTER_OTLP_METRICS_COMPRESSION: compression,
  OTEL_EXPORTER_OTLP_TIMEOUT: milliseconds,
  OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: milliseconds,
  OTEL_EXPORTER_OTLP_METRICS_TIMEOUT: milliseconds,
  OTEL_TRACES_EXPORTER: exporter,
  OTEL_METRICS_EXPORTER: exporter,
  OTEL_METRIC_EXPORT_INTERVAL: milliseconds,
  OTEL_SERVICE_NAME: z.string().default(''),
  OTEL_RESOURCE_ATTRIBUTES: pairs,
  OTEL_SDK_DISABLED: z.string().default(''),
  OTEL_TRACES_SAMPLER: z.union([z.literal(''), z.enum(SAMPLERS)]).default(''),
  OTEL_TRACES_SAMPLER_ARG: z.union([z.literal(''), z.coerce.number().min(0).max(1)]).default(''),
} as const

type Environment = z.output<z.ZodObject<typeof otlpEnvironment>>

const DEFAULT_TIMEOUT_MS = 10_000
const DEFAULT_INTERVAL_MS = 60_000

/** Where spans and metrics go; null when nothing is set, or all is turned off. */
export function otlpSettings(e: Environment): OtlpSettings | null {
  if (e.OTEL_SDK_DISABLED.toLowerCase() === 'true') return null
  const target = (signal: 'TRACES' | 'METRICS'): OtlpTarget | null => {
    const own = e[`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`]
    const base = e.OTEL_EXPORTER_OTLP_ENDPOINT
    if (e[`OTEL_${signal}_EXPORTER`] === 'none' || (own === '' && base === '')) return null
    return {
      // An address of one signal is taken as it is; the common one gets the signal's path.
      url: own === '' ? `${base.replace(/\/+$/, '')}/v1/${signal.toLowerCase()}` : own,
      headers: {
        ...e.OTEL_EXPORTER_OTLP_HEADERS,
        ...e[`OTEL_EXPORTER_OTLP_${signal}_HEADERS`],
      },
      timeoutMs:
        e[`OTEL_EXPORTER_OTLP_${signal}_TIMEOUT`] ??
        e.OTEL_EXPORTER_OTLP_TIMEOUT ??
        DEFAULT_TIMEOUT_MS,
      isJson:
        (e[`OTEL_EXPORTER_OTLP_${signal}_PROTOCOL`] || e.OTEL_EXPORTER_OTLP_PROTOCOL) ===
        'http/json',
      isGzip:
        (e[`OTEL_EXPORTER_OTLP_${signal}_COMPRESSION`] || e.OTEL_EXPORTER_OTLP_COMPRESSION) ===
        'gzip',
    }
  }
  const [traces, metrics] = [target('TRACES'), target('METRICS')]
  if (traces === null && metrics === null) return null
  const sampler = e.OTEL_TRACES_SAMPLER === '' ? 'parentbased_always_on' : e.OTEL_TRACES_SAMPLER
  return {
    traces,
    metrics,
    metricsEveryMs: e.OTEL_METRIC_EXPORT_INTERVAL ?? DEFAULT_INTERVAL_MS,
    sampledShare: shareOf(sampler, e.OTEL_TRACES_SAMPLER_ARG),
    isParentBased: sampler.startsWith('parentbased_'),
    resource: {
      'service.name': 'trestle',
      ...e.OTEL_RESOURCE_ATTRIBUTES,
      ...(e.OTEL_SERVICE_NAME === '' ? {} : { 'service.name': e.OTEL_SERVICE_NAME }),
    },
  }
}

function shareOf(sampler: string, argument: number | ''): number {
  if (sampler.endsWith('always_off')) return 0
  return sampler.endsWith('traceidratio') && argument !== '' ? argument : 1
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
