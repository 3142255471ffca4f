import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { messageOf } from '../../../../kernel/errors.ts'
import type { FromHost, HostSettings } from './local-models.ts'
import { recordOf, Refusal, type Body } from './prompt-of-chat.ts'

const tell = (message: FromHost): void => void process.send?.(message)

/** Makes this process the host of one model: it is told its settings once, says where it listens or why not, and ends with the server that started it. */
export function runHost(serve: (settings: HostSettings) => Promise<void>): void {
  process.once('disconnect', () => process.exit(0))
  process.once('message', (message) => {
    serve(message as HostSettings).catch((error: unknown) => {
      tell({ kind: 'failed', message: messageOf(error) })
    })
  })
}

export type Answer = (
  request: IncomingMessage,
  response: ServerResponse,
  signal: AbortSignal
) => Promise<void>

/** Listens on loopback for whoever knows the secret; what an answer throws is told in OpenAI's shape. */
export function listen({ secret }: HostSettings, answer: Answer): void {
  const server = createServer((request, response) => {
    const left = new AbortController()
    response.once('close', () => left.abort())
    const isKnown = request.headers.authorization === `Bearer ${secret}`
    const answered = isKnown
      ? answer(request, response, left.signal)
      : Promise.reject(new Refusal('Only the server that started this process may ask it', 401))
    answered.catch((error: unknown) => {
      const isRefusal = error instanceof Refusal
      const code = isRefusal ? error.code : 'internal_error'
      const wrong = {
        error: { message: messageOf(error), type: 'invalid_request_error', param: null, code },
      }
      if (response.headersSent) response.end(`data: ${JSON.stringify(wrong)}\n\n`)
      else send(response, wrong, isRefusal ? error.status : 500)
    })
  })
  server.listen(0, '127.0.0.1', () =>
    tell({ kind: 'listening', port: (server.address() as AddressInfo).port })
  )
}

export function send(response: ServerResponse, body: object, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}

export async function readJson(request: IncomingMessage): Promise<Body> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return recordOf(JSON.parse(Buffer.concat(chunks).toString('utf8')))
}
