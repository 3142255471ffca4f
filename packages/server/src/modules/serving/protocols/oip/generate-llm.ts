import { fail } from '../../../../platform/errors.ts'
import type { AnswerSink, Dialect, LlmCall } from '../../llm/llm-call.ts'
import type { LlmGateway } from '../../llm/gateway.ts'
import { createSseCutter, readSseEvent } from '../../llm/sse.ts'
import { isRecord } from '../../named-inputs.ts'
import { openAiErrorEvent } from '../openai/errors.ts'

/** What a caller of `generate` asks of an LLM. */
export type Generation = Readonly<{
  text: string
  /** Settings by OpenAI's names: `temperature`, `max_tokens`, `stop` … */
  settings: Readonly<Record<string, unknown>>
}>

/** Where the text goes, piece by piece. */
export type TextListener = Readonly<{
  /** False: no more until `onDrain`. */
  text: (piece: string) => boolean
  /** A stream broke off. */
  error: (message: string) => void
  isGone: () => boolean
  onGone: (listener: () => void) => void
  onDrain: (listener: () => void) => void
}>

/** Names that Triton's LLM backends give to settings, and OpenAI's for the same. */
const SETTINGS: Readonly<Record<string, string>> = {
  max_tokens: 'max_tokens',
  max_new_tokens: 'max_tokens',
  temperature: 'temperature',
  top_p: 'top_p',
  stop: 'stop',
  stop_words: 'stop',
  seed: 'seed',
  random_seed: 'seed',
  presence_penalty: 'presence_penalty',
  frequency_penalty: 'frequency_penalty',
}

/**
 * A generate request of Triton's LLM extension: `text_input`, and settings at the top, in `parameters` or, as vLLM's backend takes them, as JSON text in
 * `sampling_parameters`. A setting that no backend of ours knows is refused, since leaving it out would change the answer.
 */
export function readGeneration(body: Readonly<Record<string, unknown>>): Generation {
  const {
    id: _id,
    text_input: text,
    stream: _stream,
    parameters,
    sampling_parameters,
    ...top
  } = body
  if (typeof text !== 'string') throw fail('request.invalid', 'an LLM needs a text "text_input"')
  if (parameters !== undefined && !isRecord(parameters))
    throw fail('request.invalid', '"parameters" must be an object')
  const settings: Record<string, unknown> = {}
  for (const [name, value] of Object.entries({
    ...top,
    ...parameters,
    ...readSampling(sampling_parameters ?? parameters?.['sampling_parameters']),
  })) {
    if (IGNORED.has(name)) continue
    const known = Object.hasOwn(SETTINGS, name) ? SETTINGS[name] : undefined
    if (known === undefined)
      throw fail(
        'request.invalid',
        `unknown parameter "${name}"; known are ${Object.keys(SETTINGS).join(', ')}`
      )
    settings[known] = numberOf(value)
  }
  return { text, settings }
}

/** They say how to answer, which the route says here. */
const IGNORED = new Set(['stream', 'exclude_input_in_output', 'sampling_parameters', 'details'])

/** vLLM's examples send numbers as text. */
const numberOf = (value: unknown): unknown =>
  typeof value === 'string' && value.trim() !== '' && Number.isFinite(Number(value))
    ? Number(value)
    : value

function readSampling(text: unknown): Readonly<Record<string, unknown>> {
  if (text === undefined) return {}
  let said: unknown = text
  if (typeof text === 'string')
    try {
      said = JSON.parse(text)
    } catch {
      said = null
    }
  if (isRecord(said)) return said
  throw fail('request.invalid', '"sampling_parameters" must be an object, or one as JSON text')
}

/** Asks an LLM endpoint as a chat of one message. Resolves when the whole text was told. Throws what the gateway throws while nothing was. */
export async function generateText(
  gateway: LlmGateway,
  {
    generation,
    ...call
  }: Omit<LlmCall, 'operation' | 'wire' | 'bytes' | 'body'> & {
    generation: Generation
  },
  listener: TextListener
): Promise<void> {
  const body = {
    model: call.endpoint,
    messages: [{ role: 'user', content: generation.text }],
    ...generation.settings,
    stream: call.isStream,
  }
  const bytes = Buffer.from(JSON.stringify(body))
  const sink = call.isStream ? streamSink(listener) : wholeSink(listener)
  await gateway.answer({ ...call, operation: 'chat', wire: 'openai', bytes, body }, sink, DIALECT)
}

const DIALECT: Dialect = { errorEvent: openAiErrorEvent }

const withPassing = (
  listener: TextListener,
  own: Pick<AnswerSink, 'write' | 'end'>
): AnswerSink => ({
  ...own,
  head: () => undefined,
  get isGone() {
    return listener.isGone()
  },
  onGone: listener.onGone,
  onDrain: listener.onDrain,
})

function wholeSink(listener: TextListener): AnswerSink {
  const chunks: Buffer[] = []
  return withPassing(listener, {
    write: (bytes: Buffer) => chunks.push(bytes) > 0,
    end(bytes?: Buffer) {
      if (bytes !== undefined) chunks.push(bytes)
      tell(listener, Buffer.concat(chunks).toString('utf8'))
    },
  })
}

function streamSink(listener: TextListener): AnswerSink {
  const cutter = createSseCutter()
  const push = (bytes: Buffer): boolean =>
    cutter.push(bytes).reduce((isFree, event) => {
      const { data } = readSseEvent(event)
      return (data === null || data === '[DONE]' || tell(listener, data)) && isFree
    }, true)
  return withPassing(listener, {
    write: push,
    end(bytes?: Buffer) {
      if (bytes !== undefined) push(bytes)
      const { data } = readSseEvent(cutter.rest())
      if (data !== null && data !== '[DONE]') tell(listener, data)
    },
  })
}

/** The text of a chat completion, whole or a piece of one. */
function tell(listener: TextListener, json: string): boolean {
  const said = parse(json)
  if (isRecord(said) && isRecord(said['error'])) {
    listener.error(String(said['error']['message']))
    return true
  }
  const [choice] =
    isRecord(said) && Array.isArray(said['choices']) ? (said['choices'] as unknown[]) : []
  const message = isRecord(choice) ? (choice['delta'] ?? choice['message']) : undefined
  const content = isRecord(message) ? message['content'] : undefined
  return typeof content === 'string' && content !== '' ? listener.text(content) : true
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json) as unknown
  } catch {
    return null
  }
}
