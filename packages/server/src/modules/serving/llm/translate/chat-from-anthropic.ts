import { isRecord } from '../../named-inputs.ts'
import type { Backend } from '../backend.ts'
import { writeSseEvent } from '../sse.ts'
import { readUsage, type RawUsage } from '../token-usage.ts'
import { dropAbsent, listOf, parseObject, type Json } from './json.ts'
import type { Translator } from './translator.ts'

/** Anthropic's messages over OpenAI's chat completions. */
export function chatFromAnthropic(body: Json, backend: Backend): Translator {
  const stream = createStream()
  return {
    request: toRequest(body, backend),
    answer: toMessage,
    event: (data) => stream.event(data),
    end: () => stream.end(),
  }
}

function toRequest(body: Json, { model, provider }: Backend): Json {
  const tools = listOf(body['tools'])
    .filter((tool) => tool['input_schema'] !== undefined)
    .map((tool) => ({
      type: 'function',
      function: dropAbsent({
        name: tool['name'],
        description: tool['description'],
        parameters: tool['input_schema'],
      }),
    }))
  const choice = body['tool_choice']
  const metadata = body['metadata']
  return dropAbsent({
    model,
    messages: [...systemOf(body['system']), ...listOf(body['messages']).flatMap(toMessages)],
    // OpenAI's reasoning models refuse the old name; the servers that imitate it know it best.
    [provider === 'openai' ? 'max_completion_tokens' : 'max_tokens']: body['max_tokens'],
    temperature: body['temperature'],
    top_p: body['top_p'],
    stop: body['stop_sequences'],
    stream: body['stream'] === true ? true : undefined,
    user: isRecord(metadata) ? metadata['user_id'] : undefined,
    tools: tools.length === 0 ? undefined : tools,
    tool_choice: isRecord(choice) && tools.length > 0 ? toToolChoice(choice) : undefined,
    parallel_tool_calls:
      isRecord(choice) && choice['disable_parallel_tool_use'] === true ? false : undefined,
  })
}

function systemOf(system: unknown): Json[] {
  const text = textOf(system)
  return text === '' ? [] : [{ role: 'system', content: text }]
}

function toMessages(message: Json): Json[] {
  const { role, content } = message
  if (typeof content === 'string') return [{ role, content }]
  const blocks = listOf(content)
  if (role === 'assistant') {
    const calls = blocks
      .filter((block) => block['type'] === 'tool_use')
      .map((block) => ({
        id: block['id'],
        type: 'function',
        function: { name: block['name'], arguments: JSON.stringify(block['input'] ?? {}) },
      }))
    const text = textOf(blocks.filter((block) => block['type'] === 'text'))
    return [
      dropAbsent({
        role,
        content: text === '' && calls.length > 0 ? null : text,
        tool_calls: calls.length === 0 ? undefined : calls,
      }),
    ]
  }
  const results = blocks
    .filter((block) => block['type'] === 'tool_result')
    .map((block) => ({
      role: 'tool',
      tool_call_id: block['tool_use_id'],
      content: textOf(block['content']),
    }))
  const parts = blocks.flatMap(toPart)
  return parts.length === 0 ? results : [...results, { role: 'user', content: parts }]
}

function toPart(block: Json): Json[] {
  const { type, source } = block
  if (type === 'text') return [{ type: 'text', text: block['text'] }]
  if (!isRecord(source)) return []
  const url =
    source['type'] === 'url'
      ? String(source['url'])
      : `data:${String(source['media_type'])};base64,${String(source['data'])}`
  if (type === 'image') return [{ type: 'image_url', image_url: { url } }]
  if (type === 'document')
    return source['type'] === 'text'
      ? [{ type: 'text', text: source['data'] }]
      : [{ type: 'file', file: { filename: block['title'] ?? 'document.pdf', file_data: url } }]
  return []
}

function toToolChoice(choice: Json): unknown {
  switch (choice['type']) {
    case 'any':
      return 'required'
    case 'none':
      return 'none'
    case 'tool':
      return { type: 'function', function: { name: choice['name'] } }
    default:
      return 'auto'
  }
}

const STOP: Readonly<Record<string, string>> = {
  stop: 'end_turn',
  length: 'max_tokens',
  tool_calls: 'tool_use',
  function_call: 'tool_use',
  content_filter: 'refusal',
}

function toMessage(completion: Json): Record<string, unknown> {
  const choice = listOf(completion['choices'])[0] ?? {}
  const message = isRecord(choice['message']) ? choice['message'] : {}
  const text = message['content']
  const content: Json[] = [
    ...(typeof text === 'string' && text !== '' ? [{ type: 'text', text }] : []),
    ...listOf(message['tool_calls']).map((call) => {
      const called = isRecord(call['function']) ? call['function'] : {}
      return {
        type: 'tool_use',
        id: call['id'],
        name: called['name'],
        input: parseObject(called['arguments']),
      }
    }),
  ]
  return {
    id: completion['id'],
    type: 'message',
    role: 'assistant',
    model: completion['model'],
    content,
    stop_reason: STOP[String(choice['finish_reason'])] ?? 'end_turn',
    stop_sequence: null,
    usage: toUsage(completion['usage']),
  }
}

/** Anthropic's input leaves out what was cached. */
function toUsage(raw: unknown): Record<string, number> {
  const usage = isRecord(raw) ? (readUsage(raw) ?? {}) : {}
  return {
    input_tokens: (usage.input ?? 0) + (usage.input_audio ?? 0) + (usage.input_image ?? 0),
    cache_creation_input_tokens: usage.cache_write_5m ?? 0,
    cache_read_input_tokens: usage.cache_read ?? 0,
    output_tokens:
      (usage.output ?? 0) +
      (usage.reasoning ?? 0) +
      (usage.output_audio ?? 0) +
      (usage.output_image ?? 0),
  }
}

type OpenBlock = { index: number; kind: 'text' | 'tool'; tool: unknown }

function createStream() {
  let hasBegun = false
  let isDone = false
  let open: OpenBlock | null = null
  let blocks = 0
  let stopReason: string | null = null
  let usage: RawUsage | null = null

  const write = (type: string, fields: Json): Buffer =>
    writeSseEvent(JSON.stringify({ type, ...fields }), type)

  const close = (): Buffer[] => {
    if (open === null) return []
    const { index } = open
    open = null
    return [write('content_block_stop', { index })]
  }
  const openBlock = (kind: OpenBlock['kind'], tool: unknown, block: Json): Buffer[] => {
    if (open?.kind === kind && open.tool === tool) return []
    const closed = close()
    open = { index: blocks++, kind, tool }
    return [...closed, write('content_block_start', { index: open.index, content_block: block })]
  }
  const begin = (chunk: Json): Buffer[] => {
    if (hasBegun) return []
    hasBegun = true
    return [
      write('message_start', {
        message: {
          id: chunk['id'],
          type: 'message',
          role: 'assistant',
          model: chunk['model'],
          content: [],
          stop_reason: null,
          stop_sequence: null,
          usage: { ...toUsage(chunk['usage']), output_tokens: 0 },
        },
      }),
    ]
  }
  const say = (text: unknown): Buffer[] =>
    typeof text !== 'string' || text === ''
      ? []
      : [
          ...openBlock('text', null, { type: 'text', text: '' }),
          write('content_block_delta', { index: open?.index, delta: { type: 'text_delta', text } }),
        ]
  const call = (part: Json): Buffer[] => {
    const called = isRecord(part['function']) ? part['function'] : {}
    const started = openBlock('tool', part['index'], {
      type: 'tool_use',
      id: part['id'],
      name: called['name'],
      input: {},
    })
    const text = called['arguments']
    if (typeof text !== 'string' || text === '') return started
    return [
      ...started,
      write('content_block_delta', {
        index: open?.index,
        delta: { type: 'input_json_delta', partial_json: text },
      }),
    ]
  }
  const end = (): Buffer[] => {
    if (isDone || !hasBegun) return []
    isDone = true
    return [
      ...close(),
      write('message_delta', {
        delta: { stop_reason: stopReason ?? 'end_turn', stop_sequence: null },
        usage: toUsage(usage),
      }),
      write('message_stop', {}),
    ]
  }

  return {
    end,
    event(data: string): Buffer[] {
      if (data === '[DONE]') return end()
      const chunk = parseObject(data)
      if (isRecord(chunk['error']))
        return [write('error', { error: { type: 'api_error', ...chunk['error'] } })]
      if (isRecord(chunk['usage'])) ({ usage } = chunk as { usage: RawUsage })
      const out = begin(chunk)
      for (const choice of listOf(chunk['choices'])) {
        const { delta, finish_reason: finish } = choice
        if (isRecord(delta)) {
          out.push(...say(delta['content']))
          for (const part of listOf(delta['tool_calls'])) out.push(...call(part))
        }
        if (typeof finish === 'string') stopReason = STOP[finish] ?? 'end_turn'
      }
      return out
    },
  }
}

const textOf = (content: unknown): string =>
  typeof content === 'string'
    ? content
    : listOf(content)
        .map((block) => (typeof block['text'] === 'string' ? block['text'] : ''))
        .join('\n')
