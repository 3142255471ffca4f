import { readFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

const recorded = (name: string): string =>
  readFileSync(
    new URL(`../../packages/server/src/modules/serving/llm/fixtures/${name}.sse`, import.meta.url),
    'utf8'
  )

type Body = Readonly<{
  stream?: boolean
  stream_options?: { include_usage?: boolean }
  tools?: unknown[]
  response_format?: { type: string }
  encoding_format?: string
  input?: unknown
  messages?: { role: string; content: unknown }[]
}>

/** Providers on loopback that answer with recorded streams, so that clients need no network. `cut` counts streams that their reader left. */
export async function startProviders(): Promise<{
  url: string
  seen: { cut: number }
  stop: () => void
}> {
  const seen = { cut: 0 }
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      response.on('close', () => {
        if (!response.writableFinished) seen.cut++
      })
      const body = JSON.parse(Buffer.concat(chunks).toString() || '{}') as Body
      answer(request.url ?? '', body, response)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    seen,
    stop: () => server.close(),
  }
}

function answer(path: string, body: Body, response: ServerResponse): void {
  const said = JSON.stringify(body.messages?.at(-1)?.content ?? '')
  if (said.includes('raise 400')) {
    json(response, 400, {
      error: {
        message: 'temperature is too high',
        type: 'invalid_request_error',
        param: 'temperature',
        code: 'invalid_value',
      },
    })
    return
  }
  if (said.includes('drip')) {
    drip(response)
    return
  }
  switch (path) {
    case '/v1/chat/completions':
      if (body.stream === true) {
        const text = recorded(body.tools === undefined ? 'openai-chat' : 'openai-tools')
        stream(
          response,
          body.stream_options?.include_usage === true
            ? text
            : text
                .split('\n\n')
                .filter((event) => !event.includes('"choices":[]'))
                .join('\n\n')
        )
        return
      }
      json(response, 200, completion(body))
      return
    case '/v1/completions': {
      json(response, 200, {
        id: 'cmpl-1',
        object: 'text_completion',
        created: 1_764_230_000,
        model: 'gpt-3.5-turbo-instruct',
        choices: [{ index: 0, text: ' upon a time', logprobs: null, finish_reason: 'stop' }],
        usage: { prompt_tokens: 1, completion_tokens: 3, total_tokens: 4 },
      })
      return
    }
    case '/v1/embeddings': {
      const inputs = Array.isArray(body.input) ? body.input : [body.input]
      const vector = new Float32Array([0.25, -0.5, 0.125])
      json(response, 200, {
        object: 'list',
        model: 'text-embedding-3-small',
        data: inputs.map((_input, index) => ({
          object: 'embedding',
          index,
          embedding:
            body.encoding_format === 'base64'
              ? Buffer.from(vector.buffer).toString('base64')
              : [...vector],
        })),
        usage: { prompt_tokens: 8, total_tokens: 8 },
      })
      return
    }
    case '/v1/responses':
      if (body.stream === true) stream(response, recorded('openai-responses'))
      else json(response, 200, finished(recorded('openai-responses')))
      return
    case '/v1/messages':
      if (body.stream === true) stream(response, recorded('anthropic-messages'))
      else
        json(response, 200, {
          id: 'msg_1',
          type: 'message',
          role: 'assistant',
          model: 'claude-sonnet-4-5-20250929',
          content: [{ type: 'text', text: 'Hello.' }],
          stop_reason: 'end_turn',
          stop_sequence: null,
          usage: { input_tokens: 9, output_tokens: 3, cache_read_input_tokens: 100 },
        })
      return
    default:
      json(response, 404, { error: { message: 'no such route', type: 'not_found_error' } })
  }
}

function completion(body: Body): object {
  const isTool = body.tools !== undefined
  const message = isTool
    ? {
        role: 'assistant',
        content: null,
        tool_calls: [
          {
            id: 'call_1',
            type: 'function',
            function: { name: 'weather', arguments: '{"city":"Paris"}' },
          },
        ],
      }
    : {
        role: 'assistant',
        content: body.response_format === undefined ? 'Hello.' : '{"name":"Ada","age":36}',
        refusal: null,
      }
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1_764_230_000,
    model: 'gpt-4o-mini-2024-07-18',
    choices: [{ index: 0, message, logprobs: null, finish_reason: isTool ? 'tool_calls' : 'stop' }],
    usage: { prompt_tokens: 12, completion_tokens: 3, total_tokens: 15 },
  }
}

/** The response that the last event of a stream holds. */
function finished(text: string): unknown {
  const last = text.trim().split('\n\n').at(-1) ?? ''
  const event = JSON.parse(last.slice(last.indexOf('data: ') + 6)) as { response: unknown }
  return event.response
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}

function stream(response: ServerResponse, text: string): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.end(text)
}

/** A word every 20 ms for a minute. */
function drip(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  const timer = setInterval(() => {
    response.write(
      `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, delta: { content: 'word ' }, finish_reason: null }] })}\n\n`
    )
  }, 20)
  response.on('close', () => clearInterval(timer))
}
