import { isRecord } from '../named-inputs.ts'
import { mergeUsage, type RawUsage } from './token-usage.ts'

/** Text beyond this is counted and not kept. */
const MAX_KEPT_CHARS = 64 * 1024

/** What is known of an answer so far, in any provider's words. */
export interface AnswerSoFar {
  /** The provider's usage; null until it tells. */
  readonly usage: RawUsage | null
  readonly responseId: string | null
  readonly model: string | null
  readonly finishReasons: readonly string[]
  readonly serviceTier: string | null
  /** The words of the answer, cut at 64 K characters. */
  text(): string
  /** Characters that came out, seen or not: text, reasoning and arguments of tools. */
  readonly chars: number
  /** Events that carried output. */
  readonly outputEvents: number
  /** Whether the stream said that it is complete. */
  readonly isComplete: boolean
  /** An error that came inside of the stream. */
  readonly error: string | null
}

/** Reads answers of OpenAI's chat, completions and responses and of Anthropic's messages, whole or event by event. */
export function createAnswerReader() {
  const parts: string[] = []
  let kept = 0
  const state = {
    usage: null as RawUsage | null,
    responseId: null as string | null,
    model: null as string | null,
    serviceTier: null as string | null,
    finishReasons: [] as string[],
    chars: 0,
    outputEvents: 0,
    isComplete: false,
    error: null as string | null,
    text: () => parts.join(''),
  }

  const say = (value: unknown, isSeen: boolean): void => {
    if (typeof value !== 'string' || value === '') return
    state.chars += value.length
    if (!isSeen || kept >= MAX_KEPT_CHARS) return
    const piece = value.slice(0, MAX_KEPT_CHARS - kept)
    kept += piece.length
    parts.push(piece)
  }
  const identify = (of: Record<string, unknown>): void => {
    if (typeof of['id'] === 'string') state.responseId ??= of['id']
    if (typeof of['model'] === 'string') state.model ??= of['model']
    if (typeof of['service_tier'] === 'string') state.serviceTier = of['service_tier']
  }
  const takeUsage = (value: unknown): void => {
    if (!isRecord(value)) return
    state.usage = mergeUsage(state.usage, value)
    if (typeof value['service_tier'] === 'string') state.serviceTier = value['service_tier']
  }
  const finish = (reason: unknown): void => {
    if (typeof reason === 'string') state.finishReasons.push(reason)
  }
  const sayMessage = (message: unknown): void => {
    if (!isRecord(message)) return
    const { content } = message
    if (Array.isArray(content))
      for (const part of content) if (isRecord(part)) say(part['text'], true)
    say(content, true)
    say(message['refusal'], true)
    say(message['reasoning_content'] ?? message['reasoning'], false)
    for (const call of listOf(message['tool_calls'])) {
      const { function: called } = call
      if (isRecord(called)) {
        say(called['name'], false)
        say(called['arguments'], false)
      }
    }
  }

  const readOpenAi = (event: Record<string, unknown>): void => {
    identify(event)
    takeUsage(event['usage'])
    const groq = event['x_groq']
    if (isRecord(groq)) takeUsage(groq['usage'])
    const before = state.chars
    for (const choice of listOf(event['choices'])) {
      sayMessage(choice['delta'])
      sayMessage(choice['message'])
      say(choice['text'], true)
      finish(choice['finish_reason'])
    }
    if (state.chars > before) state.outputEvents++
  }

  const readResponses = (event: Record<string, unknown>): void => {
    const { response, type } = event
    if (isRecord(response)) {
      identify(response)
      takeUsage(response['usage'])
    }
    if (typeof event['delta'] === 'string') {
      say(event['delta'], type === 'response.output_text.delta')
      state.outputEvents++
    }
    if (type === 'response.completed' || type === 'response.incomplete') {
      state.isComplete = true
      finish(type.slice('response.'.length))
    }
    if (type === 'response.failed') state.error = 'response.failed'
  }

  const readAnthropic = (event: Record<string, unknown>): void => {
    const { message, delta, content_block: block } = event
    if (isRecord(message)) {
      identify(message)
      takeUsage(message['usage'])
    }
    takeUsage(event['usage'])
    if (isRecord(block)) {
      say(block['text'], true)
      say(block['name'], false)
    }
    if (isRecord(delta)) {
      const before = state.chars
      say(delta['text'], true)
      say(delta['thinking'], false)
      say(delta['partial_json'], false)
      finish(delta['stop_reason'])
      if (state.chars > before) state.outputEvents++
    }
    if (event['type'] === 'message_stop') state.isComplete = true
  }

  const readError = (error: unknown): void => {
    if (typeof error === 'string') state.error = error
    else if (isRecord(error))
      state.error = typeof error['message'] === 'string' ? error['message'] : JSON.stringify(error)
  }

  return {
    state: state as AnswerSoFar,
    /** Reads the `data` of one event. */
    event(data: string): void {
      if (data === '[DONE]') {
        state.isComplete = true
        return
      }
      const event = parse(data)
      if (event === null) return
      if (event['error'] !== undefined && event['error'] !== null) readError(event['error'])
      const { type } = event
      if (typeof type === 'string' && type.startsWith('response.')) readResponses(event)
      else if (typeof type === 'string' && event['choices'] === undefined) readAnthropic(event)
      else readOpenAi(event)
    },
    /** Reads an answer that is not a stream. */
    whole(body: Record<string, unknown>): void {
      identify(body)
      takeUsage(body['usage'])
      if (body['type'] === 'message') {
        for (const block of listOf(body['content'])) {
          say(block['text'], true)
          say(block['thinking'], false)
          if (block['type'] === 'tool_use') say(JSON.stringify(block['input']), false)
        }
        finish(body['stop_reason'])
      } else if (Array.isArray(body['output'])) {
        for (const item of listOf(body['output'])) {
          for (const part of listOf(item['content'])) say(part['text'], true)
          say(item['arguments'], false)
        }
        finish(body['status'])
      } else
        for (const choice of listOf(body['choices'])) {
          sayMessage(choice['message'])
          say(choice['text'], true)
          finish(choice['finish_reason'])
        }
      state.isComplete = true
    },
  }
}

const listOf = (value: unknown): Record<string, unknown>[] =>
  Array.isArray(value) ? value.filter(isRecord) : []

function parse(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text)
    return isRecord(value) ? value : null
  } catch {
    return null
  }
}

/**
 * Whether an event is the one that OpenAI's servers add for `stream_options.include_usage`: no choices, only usage. A client that did not ask for it
 * must not get it: strict ones read `choices[0]`.
 */
export function isUsageOnly(data: string): boolean {
  if (!data.includes('"usage"')) return false
  const event = parse(data)
  return (
    event !== null &&
    Array.isArray(event['choices']) &&
    event['choices'].length === 0 &&
    isRecord(event['usage'])
  )
}
