import { fail } from '../../../platform/errors.ts'
import { writeTraceparent, type TraceContext } from '../../../platform/telemetry/otlp/index.ts'
import { isRecord } from '../named-inputs.ts'
import type { Backend } from './backend.ts'
import { setMembers } from './json-members.ts'
import type { LlmCall, LlmOperation } from './llm-call.ts'
import { anthropicFromChat } from './translate/anthropic-from-chat.ts'
import { chatFromAnthropic } from './translate/chat-from-anthropic.ts'
import type { Translator } from './translate/translator.ts'

/** A call as one backend wants it. */
export type BackendRequest = Readonly<{
  url: string
  headers: Readonly<Record<string, string>>
  body: Buffer
  /** What to do with the events of a stream: pass bytes on untouched, take our own usage event out, or translate. */
  relay: 'raw' | 'strip-usage' | 'translate'
  translator: Translator | null
}>

const OPENAI_PATHS: Readonly<Record<Exclude<LlmOperation, 'messages'>, string>> = {
  chat: '/chat/completions',
  completions: '/completions',
  embeddings: '/embeddings',
  responses: '/responses',
  rerank: '/rerank',
}
/** What a client may say to an Anthropic backend beyond its body. */
const ANTHROPIC_VERSION = '2023-06-01'

/** Whose key a call goes out with, and its place in a trace; without one, the caller's own is passed on. */
type Sending = Readonly<{ secret: string | null; trace: TraceContext | null }>

/** Writes the request for a backend. Throws `request.invalid` when it can't do what is asked. */
export function toBackendRequest(call: LlmCall, backend: Backend, as: Sending): BackendRequest {
  if (backend.api === 'anthropic') return toAnthropic(call, backend, as)
  const { secret } = as
  const headers = {
    ...commonHeaders(call, as),
    ...(secret === null ? {} : { authorization: `Bearer ${secret}` }),
  }
  if (call.operation === 'messages') {
    const translator = chatFromAnthropic(call.body, backend)
    const { request } = translator
    return {
      url: `${backend.url}${OPENAI_PATHS.chat}`,
      headers,
      body: Buffer.from(
        JSON.stringify(
          call.isStream ? { ...request, stream_options: { include_usage: true } } : request
        )
      ),
      relay: 'translate',
      translator,
    }
  }
  const options = streamOptions(call, backend)
  return {
    url: `${backend.url}${OPENAI_PATHS[call.operation]}`,
    headers,
    body: setMembers(call.bytes, {
      model: backend.model,
      ...(options === null ? {} : { stream_options: options }),
    }),
    relay: options === null ? 'raw' : 'strip-usage',
    translator: null,
  }
}

/** What to ask for so that the stream tells its usage; null when the client asked itself, or the operation has no such thing. */
function streamOptions(call: LlmCall, backend: Backend): object | null {
  if (!call.isStream || (call.operation !== 'chat' && call.operation !== 'completions')) return null
  const own = call.body['stream_options']
  if (isRecord(own) && own['include_usage'] === true) return null
  return {
    ...(isRecord(own) ? own : {}),
    include_usage: true,
    // With a running count, a stream that is cut is still measured to the token.
    ...(backend.provider === 'vllm' ? { continuous_usage_stats: true } : {}),
  }
}

function toAnthropic(call: LlmCall, backend: Backend, as: Sending): BackendRequest {
  const { secret } = as
  const headers = {
    ...commonHeaders(call, as),
    'anthropic-version': call.header('anthropic-version') ?? ANTHROPIC_VERSION,
    ...(secret === null ? {} : { 'x-api-key': secret }),
  }
  const url = `${backend.url}/messages`
  if (call.operation === 'messages') {
    const beta = call.header('anthropic-beta')
    return {
      url,
      headers: beta === undefined ? headers : { ...headers, 'anthropic-beta': beta },
      body: setMembers(call.bytes, { model: backend.model }),
      relay: 'raw',
      translator: null,
    }
  }
  if (call.operation !== 'chat')
    throw fail(
      'request.invalid',
      `The backend "${backend.name}" speaks Anthropic's protocol, which has no ${call.operation}; ask for chat completions or messages`
    )
  const translator = anthropicFromChat(call.body, {
    model: backend.model,
    createdAt: call.at,
  })
  return {
    url,
    headers,
    body: Buffer.from(JSON.stringify(translator.request)),
    relay: 'translate',
    translator,
  }
}

function commonHeaders(call: LlmCall, { trace: own }: Sending): Record<string, string> {
  const trace = own === null ? call.header('traceparent') : writeTraceparent(own)
  const state = call.header('tracestate')
  return {
    'content-type': 'application/json',
    accept: call.isStream ? 'text/event-stream' : 'application/json',
    ...(trace === undefined ? {} : { traceparent: trace }),
    ...(state === undefined ? {} : { tracestate: state }),
  }
}
