import { AppError } from '../../../kernel/errors.ts'
import type { Attributes } from '../../../platform/telemetry/otlp/index.ts'
import type { InferenceCompleted, LoggedColumn } from '../inference-event.ts'
import type { CallOutcome } from './complete-call.ts'
import type { LlmUsage } from './llm-call.ts'
import { codeOf, type LlmPrediction } from './llm-prediction.ts'
import type { UsedTokens } from './settle-usage.ts'
import { inputTokens, outputTokens } from './token-usage.ts'

/** Characters of a prompt that the log keeps. */
const MAX_LOGGED_CHARS = 16 * 1024

/** A finished LLM call as the event that log, drift, costs and rollouts read. Its columns: the prompt in, and out its words, end and counts. */
export function toLlmEvent(
  prediction: LlmPrediction,
  result: { outcome: CallOutcome; used: UsedTokens | null; latencyMs: number; prompt: string }
): InferenceCompleted {
  const { call, endpoint, variant } = prediction
  const { outcome, used, latencyMs } = result
  const { answer, backend, error, busyMs } = outcome
  const code = error === null ? null : codeOf(error)
  return {
    predictionId: prediction.id,
    requestId: call.requestId,
    project: call.project,
    endpoint: endpoint.stored.name,
    endpointId: endpoint.stored.id,
    variant: variant.name,
    model: variant.model,
    role: prediction.role,
    ...(prediction.role === 'live' && endpoint.plan.shadows.length > 0 ? { isShadowed: true } : {}),
    pairedWith: prediction.pairedWith,
    at: prediction.at,
    latencyMs,
    stages: { featuresMs: 0, queueMs: 0, computeMs: latencyMs },
    busyMs,
    device: backend?.local == null ? 'remote' : 'cpu',
    status: error === null ? 'ok' : statusOf(error),
    errorCode: code,
    stickyKey: prediction.stickyKey,
    apiKeyId: call.apiKeyId,
    entities: {},
    rows: 1,
    inputs: [text('prompt', result.prompt.slice(0, MAX_LOGGED_CHARS))],
    outputs: answer === null ? [] : outputsOf(outcome, used),
    oldestFeatureAt: null,
    trace: prediction.trace?.own ?? null,
    llm: backend === null && outcome.cache === null ? null : toLlmUsage(prediction, outcome, used),
  }
}

function outputsOf({ answer, firstTokenMs }: CallOutcome, used: UsedTokens | null): LoggedColumn[] {
  const usage = used?.usage ?? {}
  return [
    text('finish_reason', answer?.finishReasons[0] ?? ''),
    text('text', answer?.text() ?? ''),
    { name: 'output_tokens', type: 'float', values: [outputTokens(usage)] },
    { name: 'input_tokens', type: 'float', values: [inputTokens(usage)] },
    ...(firstTokenMs === null
      ? []
      : [{ name: 'first_token_ms', type: 'float' as const, values: [firstTokenMs] }]),
  ]
}

function toLlmUsage(
  { call, llm, trace }: LlmPrediction,
  { answer, backend, firstTokenMs, attempts, cache }: CallOutcome,
  used: UsedTokens | null
): LlmUsage {
  // A cached answer stands for a call of the first backend.
  const at = backend ?? llm.pool.slots[0]?.backend
  return {
    operation: call.operation,
    backend: at?.name ?? '',
    provider: at?.provider ?? '',
    url: at?.url ?? '',
    requestModel: at?.model ?? '',
    model: at?.priceAs ?? '',
    responseModel: answer?.model ?? null,
    responseId: answer?.responseId ?? null,
    // What a cache answers is not bought: its tokens count as saved, not as used.
    usage: cache === null ? (used?.usage ?? {}) : {},
    savedUsage: cache === null ? null : (used?.usage ?? {}),
    status: used?.status ?? 'measured',
    billing: at?.billing ?? 'tokens',
    serviceTier: used?.serviceTier ?? null,
    tag: call.tag,
    isStream: call.isStream,
    cache,
    firstTokenMs,
    finishReasons: answer?.finishReasons ?? [],
    attempts,
    settings: trace === null ? {} : settingsOf(call.body),
    trace: trace?.call ?? null,
  }
}

function settingsOf(body: LlmPrediction['call']['body']): Attributes {
  const number = (name: string): number | null => {
    const value = body[name]
    return typeof value === 'number' ? value : null
  }
  return {
    'gen_ai.request.max_tokens': number('max_completion_tokens') ?? number('max_tokens'),
    'gen_ai.request.temperature': number('temperature'),
    'gen_ai.request.top_p': number('top_p'),
    'gen_ai.request.seed': number('seed'),
    'gen_ai.request.frequency_penalty': number('frequency_penalty'),
    'gen_ai.request.presence_penalty': number('presence_penalty'),
    'gen_ai.request.choice.count': number('n'),
  }
}

const text = (name: string, value: string): LoggedColumn => ({
  name,
  type: 'string',
  values: [value],
})

/** `error` is the backend's fault alone: a caller's mistake, a spent budget or a full queue must not count against a variant. */
function statusOf(error: unknown): 'error' | 'timeout' | 'rejected' {
  if (!(error instanceof AppError)) return 'error'
  if (error.code === 'serving.upstream_timeout') return 'timeout'
  const isRefusal =
    error.code.startsWith('request.') ||
    error.code.startsWith('costs.') ||
    [
      'serving.overloaded',
      'serving.not_ready',
      'serving.throttled',
      'serving.rate_limited',
      'serving.guardrail_refused',
    ].includes(error.code)
  return isRefusal ? 'rejected' : 'error'
}
