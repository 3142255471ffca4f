import { fail } from '../../../../platform/errors.ts'
import { isRecord } from '../../named-inputs.ts'
import { writeSseEvent } from '../sse.ts'
import { mergeUsage, type RawUsage } from '../token-usage.ts'
import { dropAbsent, listOf, parseObject, type Json } from './json.ts'
import type { Translator } from './translator.ts'

/** Anthropic's API wants a limit; a caller that names none gets this one. */
const DEFAULT_MAX_TOKENS = 4_096
/** The tool that a JSON schema is asked for with. */
const JSON_TOOL = 'json_answer'
/** Tokens of thinking for OpenAI's words, as LiteLLM grants them. */
const THINKING = { low: 1_024, medium: 2_048, high: 4_096 } as const

/** OpenAI's chat completions over Anthropic's messages API. Throws `request.invalid` for what has no counterpart. */
export function anthropicFromChat(
  body: Json,
  { model, createdAt }: { model: string; createdAt: number }
): Translator {
  const created = Math.floor(createdAt / 1_000)
  const isJson = hasSchema(body)
  const options = body['stream_options']
  const wantsUsage = isRecord(options) && options['include_usage'] === true
  const stream = createStream({ isJson, wantsUsage, created })
  return {
    request: toRequest(body, model),
    answer: (message) => toCompletion(message, { isJson, created }),
    event: (data) => stream.event(data),
    end: () => stream.end(),
  }
}

function toRequest(body: Json, model: string): Json {
  if (typeof body['n'] === 'number' && body['n'] > 1)
    throw fail('request.invalid', 'Anthropic models give one choice a call; leave n out')
  const { system, messages } = toMessages(listOf(body['messages']))
  const limit = numberOf(body['max_completion_tokens']) ?? numberOf(body['max_tokens'])
  const thinking = thinkingOf(body['reasoning_effort'])
  const maxTokens = limit ?? DEFAULT_MAX_TOKENS
  const { stop } = body
  return dropAbsent({
    model,
    max_tokens:
      thinking === undefined ? maxTokens : Math.max(maxTokens, thinking.budget_tokens + 1_024),
    system: system === '' ? undefined : system,
    messages,
    temperature: atMost(numberOf(body['temperature']), 1),
    top_p: numberOf(body['top_p']) ?? undefined,
    stop_sequences: typeof stop === 'string' ? [stop] : (stop ?? undefined),
    stream: body['stream'] === true ? true : undefined,
    metadata: typeof body['user'] === 'string' ? { user_id: body['user'] } : undefined,
    thinking,
    ...toTools(body),
  })
}

function toMessages(list: readonly Json[]): { system: string; messages: Json[] } {
  const system: string[] = []
  const messages: { role: string; content: Json[] }[] = []
  const add = (role: 'user' | 'assistant', blocks: Json[]): void => {
    if (blocks.length === 0) return
    const last = messages.at(-1)
    if (last?.role === role) last.content.push(...blocks)
    else messages.push({ role, content: blocks })
  }
  for (const message of list) {
    const { role, content } = message
    switch (role) {
      case 'system':
      case 'developer':
        system.push(textOf(content))
        break
      case 'tool':
      case 'function':
        add('user', [
          {
            type: 'tool_result',
            tool_use_id: message['tool_call_id'] ?? message['name'],
            content: textOf(content),
          },
        ])
        break
      case 'assistant':
        add('assistant', [...toBlocks(content), ...listOf(message['tool_calls']).map(toToolUse)])
        break
      default:
        add('user', toBlocks(content))
    }
  }
  return { system: system.join('\n\n'), messages }
}

function toBlocks(content: unknown): Json[] {
  if (typeof content === 'string') return content === '' ? [] : [{ type: 'text', text: content }]
  return listOf(content).map((part) => {
    const { type } = part
    if (type === 'text') return { type: 'text', text: part['text'] }
    if (type === 'refusal') return { type: 'text', text: part['refusal'] }
    if (type === 'image_url') return toImage(part['image_url'])
    if (type === 'file') return toDocument(part['file'])
    throw fail('request.invalid', `Anthropic models take no message part of type "${String(type)}"`)
  })
}

const DATA_URL = /^data:([^;,]+);base64,(.*)$/s

function toImage(image: unknown): Json {
  const url = isRecord(image) ? String(image['url']) : String(image)
  const [, mediaType, data] = DATA_URL.exec(url) ?? []
  return {
    type: 'image',
    source:
      data === undefined ? { type: 'url', url } : { type: 'base64', media_type: mediaType, data },
  }
}

function toDocument(file: unknown): Json {
  const [, mediaType, data] = DATA_URL.exec(String(isRecord(file) ? file['file_data'] : '')) ?? []
  if (data === undefined)
    throw fail('request.invalid', 'Give a file as file_data: "data:application/pdf;base64,…"')
  return { type: 'document', source: { type: 'base64', media_type: mediaType, data } }
}

function toToolUse(call: Json): Json {
  const called = isRecord(call['function']) ? call['function'] : {}
  return {
    type: 'tool_use',
    id: call['id'],
    name: called['name'],
    input: parseObject(called['arguments']),
  }
}

function toTools(body: Json): Json {
  const tools: Json[] = listOf(body['tools']).flatMap((tool) => {
    const own = tool['function']
    return isRecord(own)
      ? [
          dropAbsent({
            name: own['name'],
            description: own['description'],
            input_schema: own['parameters'] ?? { type: 'object', properties: {} },
          }),
        ]
      : []
  })
  if (hasSchema(body)) {
    const format = body['response_format'] as { json_schema?: { schema?: unknown } } // `hasSchema` looked
    return {
      tools: [
        ...tools,
        {
          name: JSON_TOOL,
          description: 'Give the answer.',
          input_schema: format.json_schema?.schema,
        },
      ],
      tool_choice: { type: 'tool', name: JSON_TOOL },
    }
  }
  if (tools.length === 0) return {}
  const choice = toToolChoice(body['tool_choice'])
  const isSerial = body['parallel_tool_calls'] === false
  return {
    tools,
    ...(choice === null && !isSerial
      ? {}
      : {
          tool_choice: {
            ...(choice ?? { type: 'auto' }),
            ...(isSerial ? { disable_parallel_tool_use: true } : {}),
          },
        }),
  }
}

function toToolChoice(choice: unknown): Json | null {
  if (choice === 'auto' || choice === 'none') return { type: choice }
  if (choice === 'required') return { type: 'any' }
  if (!isRecord(choice) || !isRecord(choice['function'])) return null
  return { type: 'tool', name: choice['function']['name'] }
}

function hasSchema(body: Json): boolean {
  const format = body['response_format']
  return isRecord(format) && format['type'] === 'json_schema'
}

const thinkingOf = (effort: unknown) =>
  effort === 'low' || effort === 'medium' || effort === 'high'
    ? { type: 'enabled', budget_tokens: THINKING[effort] }
    : undefined

const FINISH: Readonly<Record<string, string>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  pause_turn: 'stop',
  max_tokens: 'length',
  tool_use: 'tool_calls',
  refusal: 'content_filter',
}
const finishOf = (reason: unknown, isJson: boolean): string =>
  isJson && reason === 'tool_use' ? 'stop' : (FINISH[String(reason)] ?? 'stop')

function toCompletion(
  message: Json,
  { isJson, created }: { isJson: boolean; created: number }
): Record<string, unknown> {
  let content: string | null = null
  let reasoning = ''
  const calls: Json[] = []
  for (const block of listOf(message['content'])) {
    if (block['type'] === 'text') content = (content ?? '') + String(block['text'])
    else if (block['type'] === 'thinking') reasoning += String(block['thinking'])
    else if (block['type'] === 'tool_use') {
      const input = JSON.stringify(block['input'] ?? {})
      if (isJson && block['name'] === JSON_TOOL) content = (content ?? '') + input
      else
        calls.push({
          id: block['id'],
          type: 'function',
          function: { name: block['name'], arguments: input },
        })
    }
  }
  return {
    id: message['id'],
    object: 'chat.completion',
    created,
    model: message['model'],
    choices: [
      {
        index: 0,
        message: dropAbsent({
          role: 'assistant',
          content,
          reasoning_content: reasoning === '' ? undefined : reasoning,
          tool_calls: calls.length === 0 ? undefined : calls,
          refusal: null,
        }),
        logprobs: null,
        finish_reason: finishOf(message['stop_reason'], isJson),
      },
    ],
    usage: toUsage(isRecord(message['usage']) ? message['usage'] : {}),
  }
}

/** OpenAI's totals hold what Anthropic's leave out. */
function toUsage(usage: RawUsage): Record<string, unknown> {
  const n = (name: string): number => numberOf(usage[name]) ?? 0
  const read = n('cache_read_input_tokens')
  const written = n('cache_creation_input_tokens')
  const prompt = n('input_tokens') + read + written
  return {
    prompt_tokens: prompt,
    completion_tokens: n('output_tokens'),
    total_tokens: prompt + n('output_tokens'),
    prompt_tokens_details: { cached_tokens: read, cache_write_tokens: written },
  }
}

function createStream(options: { isJson: boolean; wantsUsage: boolean; created: number }) {
  let id: unknown = ''
  let model: unknown = ''
  let usage: RawUsage | null = null
  let hasFinished = false
  let isDone = false
  const tools = new Map<unknown, { index: number; isAnswer: boolean }>()

  const chunk = (delta: Json, finish: string | null = null): Buffer =>
    writeSseEvent(
      JSON.stringify({
        id,
        object: 'chat.completion.chunk',
        created: options.created,
        model,
        choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
      })
    )
  const end = (): Buffer[] => {
    if (isDone) return []
    isDone = true
    const last = hasFinished ? [] : [chunk({}, 'stop')]
    if (options.wantsUsage)
      last.push(
        writeSseEvent(
          JSON.stringify({
            id,
            object: 'chat.completion.chunk',
            created: options.created,
            model,
            choices: [],
            usage: toUsage(usage ?? {}),
          })
        )
      )
    return [...last, writeSseEvent('[DONE]')]
  }
  const begin = (event: Json): Buffer[] => {
    const block = event['content_block']
    if (!isRecord(block)) return []
    if (block['type'] === 'text' && typeof block['text'] === 'string' && block['text'] !== '')
      return [chunk({ content: block['text'] })]
    if (block['type'] !== 'tool_use') return []
    const isAnswer = options.isJson && block['name'] === JSON_TOOL
    const index = [...tools.values()].filter((tool) => !tool.isAnswer).length
    tools.set(event['index'], { index, isAnswer })
    if (isAnswer) return []
    const called = { name: block['name'], arguments: '' }
    return [chunk({ tool_calls: [{ index, id: block['id'], type: 'function', function: called }] })]
  }
  const goOn = (event: Json): Buffer[] => {
    const { delta } = event
    if (!isRecord(delta)) return []
    if (delta['type'] === 'text_delta') return [chunk({ content: delta['text'] })]
    if (delta['type'] === 'thinking_delta') return [chunk({ reasoning_content: delta['thinking'] })]
    if (delta['type'] !== 'input_json_delta') return []
    const tool = tools.get(event['index'])
    if (tool?.isAnswer === true) return [chunk({ content: delta['partial_json'] })]
    return [
      chunk({
        tool_calls: [{ index: tool?.index ?? 0, function: { arguments: delta['partial_json'] } }],
      }),
    ]
  }

  return {
    end,
    event(data: string): Buffer[] {
      const event = parseObject(data)
      if (isRecord(event['usage'])) usage = mergeUsage(usage, event['usage'])
      switch (event['type']) {
        case 'message_start': {
          const { message } = event
          if (!isRecord(message)) return []
          id = message['id']
          model = message['model']
          if (isRecord(message['usage'])) usage = mergeUsage(usage, message['usage'])
          return [chunk({ role: 'assistant', content: '' })]
        }
        case 'content_block_start':
          return begin(event)
        case 'content_block_delta':
          return goOn(event)
        case 'message_delta': {
          const { delta } = event
          const reason = isRecord(delta) ? delta['stop_reason'] : null
          if (typeof reason !== 'string') return []
          hasFinished = true
          return [chunk({}, finishOf(reason, options.isJson))]
        }
        case 'message_stop':
          return end()
        case 'error':
          return [writeSseEvent(JSON.stringify({ error: event['error'] }))]
        default:
          return []
      }
    },
  }
}

const textOf = (content: unknown): string =>
  typeof content === 'string'
    ? content
    : listOf(content)
        .map((part) => (typeof part['text'] === 'string' ? part['text'] : ''))
        .join('')

const numberOf = (value: unknown): number | null =>
  typeof value === 'number' && Number.isFinite(value) ? value : null

const atMost = (value: number | null, most: number): number | undefined =>
  value === null ? undefined : Math.min(value, most)
