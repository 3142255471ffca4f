/** What OpenTelemetry learns of a prediction: a span with its stages, and for an LLM call the span and metrics of the GenAI conventions (semconv 1.41). */
import type {
  Attributes,
  HistogramDefinition,
  Telemetry,
  TraceContext,
} from '../../platform/telemetry/otlp/index.ts'
import type { InferenceCompleted } from './inference-event.ts'
import type { LlmOperation, LlmUsage } from './llm/llm-call.ts'
import { inputTokens, outputTokens } from './llm/token-usage.ts'

const SECONDS = [
  0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
]
const TOKEN_USAGE: HistogramDefinition = {
  name: 'gen_ai.client.token.usage',
  description: 'Number of input and output tokens used.',
  unit: '{token}',
  bounds: Array.from({ length: 14 }, (_, i) => 4 ** i),
}
const OPERATION_DURATION: HistogramDefinition = {
  name: 'gen_ai.client.operation.duration',
  description: 'GenAI operation duration.',
  unit: 's',
  bounds: SECONDS,
}
const FIRST_CHUNK: HistogramDefinition = {
  name: 'gen_ai.client.operation.time_to_first_chunk',
  description: 'Time to receive the first chunk of a stream.',
  unit: 's',
  bounds: SECONDS,
}
const PREDICTION_DURATION: HistogramDefinition = {
  name: 'trestle.prediction.duration',
  description: 'Time from a prediction request to its answer.',
  unit: 's',
  bounds: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
}

/** Responses and messages are conversations too; reranking has no name in the conventions. */
const OPERATIONS: Readonly<Record<LlmOperation, string>> = {
  chat: 'chat',
  responses: 'chat',
  messages: 'chat',
  completions: 'text_completion',
  embeddings: 'embeddings',
  rerank: 'rerank',
}
/** Providers whose name in the conventions is not ours. */
const PROVIDERS: Readonly<Record<string, string>> = {
  mistral: 'mistral_ai',
  xai: 'x_ai',
  gemini: 'gcp.gemini',
}

export function createPredictionTelemetry(
  telemetry: Telemetry,
  costOf: (event: InferenceCompleted) => number | null
): (event: InferenceCompleted) => void {
  const llmSpan = (event: InferenceCompleted, llm: LlmUsage, at: Times): void => {
    const base = {
      'gen_ai.operation.name': OPERATIONS[llm.operation],
      'gen_ai.provider.name': PROVIDERS[llm.provider] ?? llm.provider,
      'gen_ai.request.model': llm.requestModel,
      'gen_ai.response.model': llm.responseModel,
      ...addressOf(llm.url),
    }
    const ended = { ...base, 'error.type': event.errorCode }
    const seconds = (at.endMs - at.startMs) / 1_000
    telemetry.record(OPERATION_DURATION, seconds, ended)
    if (llm.isStream && llm.firstTokenMs !== null)
      telemetry.record(FIRST_CHUNK, llm.firstTokenMs / 1_000, base)
    const { usage } = llm
    const [input, output] = [inputTokens(usage), outputTokens(usage)]
    if (llm.status !== 'unmetered') {
      telemetry.record(TOKEN_USAGE, input, { ...base, 'gen_ai.token.type': 'input' })
      if (output > 0)
        telemetry.record(TOKEN_USAGE, output, { ...base, 'gen_ai.token.type': 'output' })
    }
    const { trace } = llm
    if (trace?.isSampled !== true) return
    telemetry.span({
      context: trace,
      name: `${base['gen_ai.operation.name']} ${llm.requestModel}`,
      kind: 'client',
      ...at,
      attributes: {
        ...ended,
        ...llm.settings,
        'gen_ai.request.stream': llm.isStream,
        'gen_ai.response.id': llm.responseId,
        'gen_ai.response.finish_reasons': llm.finishReasons.length > 0 ? llm.finishReasons : null,
        'gen_ai.response.time_to_first_chunk':
          llm.isStream && llm.firstTokenMs !== null ? llm.firstTokenMs / 1_000 : null,
        'gen_ai.usage.input_tokens': input,
        'gen_ai.usage.output_tokens': output,
        'gen_ai.usage.cache_read.input_tokens': usage.cache_read,
        'gen_ai.usage.cache_creation.input_tokens': cacheWritten(llm),
        'gen_ai.usage.reasoning.output_tokens': usage.reasoning,
        'openai.response.service_tier': llm.provider === 'openai' ? llm.serviceTier : null,
        'trestle.llm.attempts': llm.attempts,
        'trestle.usage.status': llm.status,
        'trestle.cost.usd': costOf(event),
      },
      error: event.status === 'ok' ? null : event.errorCode,
    })
  }

  const stageSpans = (event: InferenceCompleted, trace: TraceContext, endMs: number): void => {
    const { featuresMs, queueMs, computeMs } = event.stages
    const stages = [
      ['features', featuresMs],
      ['queue', queueMs],
      ['compute', computeMs],
    ] as const
    let startMs = endMs - (featuresMs + queueMs + computeMs)
    for (const [name, ms] of stages) {
      if (ms > 0)
        telemetry.span({
          context: telemetry.under(trace),
          name,
          kind: 'internal',
          startMs,
          endMs: startMs + ms,
          attributes: {},
          error: null,
        })
      startMs += ms
    }
  }

  return (event) => {
    const { llm, trace } = event
    const at: Times = { startMs: event.at, endMs: event.at + event.latencyMs }
    telemetry.record(PREDICTION_DURATION, event.latencyMs / 1_000, {
      'trestle.endpoint': event.endpoint,
      'trestle.variant': event.variant,
      'trestle.status': event.status,
    })
    const isCall = llm != null && llm.cache === null
    if (isCall) llmSpan(event, llm, at)
    if (trace?.isSampled !== true) return
    telemetry.span({
      context: trace,
      name: `predict ${event.endpoint}`,
      kind: event.role === 'live' ? 'server' : 'internal',
      ...at,
      attributes: {
        'trestle.project': event.project,
        'trestle.endpoint': event.endpoint,
        'trestle.variant': event.variant,
        'trestle.model.name': event.model.name,
        'trestle.model.version': event.model.version,
        'trestle.role': event.role,
        'trestle.prediction.id': event.predictionId,
        'trestle.request.id': event.requestId,
        'trestle.rows': event.rows,
        'trestle.device': event.device,
        'trestle.cache': llm?.cache,
        'error.type': event.errorCode,
      },
      error: event.status === 'ok' ? null : event.errorCode,
    })
    if (llm == null) stageSpans(event, trace, at.endMs)
  }
}

type Times = { startMs: number; endMs: number }

const cacheWritten = ({ usage }: LlmUsage): number | null =>
  (usage.cache_write_5m ?? 0) + (usage.cache_write_1h ?? 0) || null

const addresses = new Map<string, Attributes>()

/** Where a backend is. Backends are few, and their addresses change with an endpoint. */
function addressOf(url: string): Attributes {
  let known = addresses.get(url)
  if (known === undefined) {
    const { hostname, port, protocol } = new URL(url)
    known = {
      'server.address': hostname || null,
      'server.port': hostname === '' ? null : Number(port) || (protocol === 'https:' ? 443 : 80),
    }
    addresses.set(url, known)
  }
  return known
}
