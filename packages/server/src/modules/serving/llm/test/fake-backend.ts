import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type SeenCall = Readonly<{
  path: string
  headers: IncomingMessage['headers']
  body: Record<string, unknown>
  text: string
  /** Whether the connection was closed before the answer was complete. */
  isCut: () => boolean
}>

export type FakeBackend = Readonly<{
  url: string
  calls: SeenCall[]
  /** What the next calls get; the last one stays. */
  answerWith: (...answers: Answer[]) => void
  stop: () => Promise<void>
}>

export type Answer = (response: ServerResponse, call: SeenCall) => void | Promise<void>

/** An LLM server on loopback that answers as it is told, and remembers what it was asked. */
export async function startFakeBackend(): Promise<FakeBackend> {
  const calls: SeenCall[] = []
  let answers: Answer[] = [json(completion('Hello.'))]
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    let isCut = false
    response.on('close', () => {
      isCut = !response.writableFinished
    })
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString('utf8')
      const call: SeenCall = {
        path: request.url ?? '',
        headers: request.headers,
        body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
        text,
        isCut: () => isCut,
      }
      calls.push(call)
      const answer = (answers.length > 1 ? answers.shift() : answers[0]) ?? json({})
      void answer(response, call)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/v1`,
    calls,
    answerWith: (...next) => {
      answers = next
    },
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}

/** A whole answer. */
export const json =
  (body: unknown, status = 200, headers: Record<string, string> = {}): Answer =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(JSON.stringify(body))
  }

/** A stream, in pieces, with a pause before each. */
export const stream =
  (pieces: readonly (string | Buffer)[], pauseMs = 0): Answer =>
  async (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'x-request-id': 'upstream-1' })
    for (const piece of pieces) {
      if (response.destroyed) return
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
      response.write(piece)
    }
    response.end()
  }

/** Says nothing, ever. */
export const silence: Answer = () => undefined

/** Breaks the connection. */
export const hangUp: Answer = (response) => void response.socket?.destroy()

/** A chat completion as OpenAI's servers write it. */
export const completion = (content: string, usage: object | null = USAGE) => ({
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1_764_230_000,
  model: 'gpt-4o-mini-2024-07-18',
  choices: [
    { index: 0, message: { role: 'assistant', content }, logprobs: null, finish_reason: 'stop' },
  ],
  ...(usage === null ? {} : { usage }),
})

const USAGE = { prompt_tokens: 12, completion_tokens: 3, total_tokens: 15 }
