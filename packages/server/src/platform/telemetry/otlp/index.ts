/**
 * OpenTelemetry: spans and histograms of this process, sent by OTLP over HTTP. Nothing waits for it: spans stand in a bounded queue, one message is
 * under way at a time, and what finds the queue full is dropped and counted.
 */
import { randomBytes } from 'node:crypto'
import { Counter, type Registry } from 'prom-client'
import type { Clock } from '../../../kernel/clock.ts'
import { messageOf } from '../../../kernel/errors.ts'
import type { Component } from '../../component.ts'
import type { Logger } from '../logger.ts'
import { createEncoder, type OtlpEncoder, type Sender } from './encode.ts'
import { createHistograms, type HistogramDefinition } from './histograms.ts'
import { post } from './post.ts'
import type { OtlpSettings, OtlpTarget } from './settings.ts'
import type { Attributes, FinishedSpan } from './span.ts'
import { parseTraceparent, type TraceContext } from './trace-context.ts'

export { OTLP_SCHEMA } from './otlp-schema.ts'
export { otlpEnvironment, otlpSettings, type OtlpSettings } from './settings.ts'
export { writeTraceparent, type TraceContext } from './trace-context.ts'
export type { HistogramDefinition } from './histograms.ts'
export type { Attributes, FinishedSpan } from './span.ts'

export interface Telemetry {
  /** The place in a trace of work that begins now, under the caller's `traceparent` if there is one. */
  begin(traceparent: string | undefined, tracestate: string | undefined): TraceContext
  /** A new place under another. */
  under(parent: TraceContext): TraceContext
  /** Takes a finished span; never waits, and drops it when too many wait already. */
  span(span: FinishedSpan): void
  record(histogram: HistogramDefinition, value: number, attributes: Attributes): void
}

export interface Otlp extends Component {
  readonly telemetry: Telemetry
}

const MAX_QUEUED = 4_096
const MAX_BATCH = 256
const SEND_EVERY_MS = 1_000

export function createOtlp(deps: {
  settings: OtlpSettings
  version: string
  clock: Clock
  log: Logger
  metrics: Registry
}): Otlp {
  const { settings, clock, log } = deps
  const { traces, metrics, sampledShare } = settings
  const sent = new Counter({
    name: 'trestle_otlp_spans_total',
    help: 'Spans by what became of them: sent, dropped because too many waited, or failed because the receiver did not take them.',
    labelNames: ['outcome'] as const,
    registers: [deps.metrics],
  })
  const sender: Sender = {
    resource: { 'service.version': deps.version, ...settings.resource },
    scope: { name: 'trestle', version: deps.version },
  }
  const histograms = createHistograms()
  const startedAt = clock.now()
  const stopping = new AbortController()
  const encoders = new Map<boolean, Promise<OtlpEncoder>>()
  let queue: FinishedSpan[] = []
  let sending: Promise<void> | null = null
  let timers: NodeJS.Timeout[] = []
  let hasComplained = false

  const encoderOf = ({ isJson }: OtlpTarget): Promise<OtlpEncoder> => {
    let encoder = encoders.get(isJson)
    if (encoder === undefined) encoders.set(isJson, (encoder = createEncoder({ isJson })))
    return encoder
  }
  /** One line of log for a receiver that is away, not one a second. */
  const tell = (failure: string | null): void => {
    if (failure !== null && !hasComplained)
      log.warn({ failure }, 'OpenTelemetry: the receiver takes nothing')
    if (failure === null && hasComplained) log.info('OpenTelemetry: the receiver is back')
    hasComplained = failure !== null
  }
  const sendSpans = async (target: OtlpTarget): Promise<void> => {
    const encoder = await encoderOf(target)
    while (queue.length > 0) {
      const batch = queue.slice(0, MAX_BATCH)
      queue = queue.slice(MAX_BATCH)
      const failure = await post(target, encoder.spans(batch, sender), stopping.signal)
      tell(failure)
      sent.inc({ outcome: failure === null ? 'sent' : 'failed' }, batch.length)
    }
  }
  const flushSpans = (): Promise<void> => {
    if (traces === null) return Promise.resolve()
    sending ??= sendSpans(traces)
      .catch((error: unknown) => tell(messageOf(error)))
      .finally(() => {
        sending = null
      })
    return sending
  }
  const flushMetrics = async (): Promise<void> => {
    const points = histograms.read()
    if (metrics === null || points.length === 0) return
    try {
      const encoder = await encoderOf(metrics)
      const body = encoder.metrics(points, { fromMs: startedAt, toMs: clock.now() }, sender)
      tell(await post(metrics, body, stopping.signal))
    } catch (error) {
      tell(messageOf(error))
    }
  }

  return {
    name: 'opentelemetry',
    telemetry: {
      begin(traceparent, tracestate) {
        const parent = parseTraceparent(traceparent)
        const traceId = parent?.traceId ?? hexId(16)
        return {
          traceId,
          spanId: hexId(8),
          parentSpanId: parent?.spanId ?? null,
          isSampled:
            parent !== null && settings.isParentBased
              ? parent.isSampled
              : isInShare(traceId, sampledShare),
          state: parent === null ? '' : (tracestate ?? ''),
        }
      },
      under: (parent) => ({ ...parent, spanId: hexId(8), parentSpanId: parent.spanId }),
      span(span) {
        if (traces === null) return
        if (queue.length >= MAX_QUEUED) {
          sent.inc({ outcome: 'dropped' })
          return
        }
        queue.push(span)
      },
      record(histogram, value, attributes) {
        if (metrics !== null) histograms.record(histogram, value, attributes)
      },
    },
    async start() {
      timers = [
        setInterval(() => void flushSpans(), SEND_EVERY_MS),
        setInterval(() => void flushMetrics(), settings.metricsEveryMs),
      ]
      for (const timer of timers) timer.unref()
    },
    async stop(signal) {
      for (const timer of timers) clearInterval(timer)
      const hurry = (): void => stopping.abort()
      if (signal.aborted) hurry()
      signal.addEventListener('abort', hurry, { once: true })
      const late = setTimeout(hurry, LAST_SEND_MS)
      await flushSpans()
      await Promise.all([flushSpans(), flushMetrics()])
      clearTimeout(late)
      signal.removeEventListener('abort', hurry)
    },
  }
}

/** A receiver that is away must not hold the end of the process. */
const LAST_SEND_MS = 5_000

const hexId = (bytes: number): string => randomBytes(bytes).toString('hex')

/** The same answer for one trace in every process (opentelemetry.io/docs/specs/otel/trace/sdk, TraceIdRatioBased). */
const isInShare = (traceId: string, share: number): boolean =>
  share >= 1 || Number(BigInt(`0x${traceId.slice(18)}`)) < share * 2 ** 56
