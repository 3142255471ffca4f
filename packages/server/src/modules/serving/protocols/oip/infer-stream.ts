import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { createWebSocketStream, WebSocketServer } from 'ws'
import { ERRORS } from '@trestle/contract'
import type { Clock } from '../../../../kernel/clock.ts'
import { fail } from '../../../../platform/errors.ts'
import { requestIdOf, toAppError, type DirectRequest } from '../../../../platform/http/index.ts'
import type { DataPlane } from '../../data-plane.ts'
import type { Fleet } from '../../fleet.ts'
import { isRecord } from '../../named-inputs.ts'
import { parseExactJson } from '../exact-json.ts'
import { toInference } from '../http-request.ts'
import { refuseAsOip, sendOipError } from './errors.ts'
import { inOrder, linesOf } from './in-order.ts'
import { readInferCall, writeInferAnswer } from './infer-codec.ts'
import { findModel } from './model-info.ts'

type Deps = Readonly<{ dataPlane: DataPlane; fleet: Fleet; clock: Clock; maxBodyBytes: number }>
type Params = { Params: { model: string; version?: string } }
type Caller = Omit<DirectRequest, 'params' | 'body'>

/** Requests of one stream under way at once: fewer than a variant's queue holds, and enough for a batch. */
const WINDOW = 64
const PATH = /^\/v2\/models\/([^/?]+)(?:\/versions\/([^/?]+))?\/infer_stream(?:\?|$)/

/**
 * A stream of infer requests of the Open Inference Protocol, one JSON object a line or a WebSocket message, answered in their order. What is wrong with
 * one is told of in its own answer. Reading stops while the caller does not take answers.
 */
export function addInferStream(app: FastifyInstance, deps: Deps): void {
  void app.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, body, done) => done(null, body))
    scope.setErrorHandler(sendOipError)
    for (const path of ['/v2/models/:model', '/v2/models/:model/versions/:version'])
      scope.post<Params>(
        `${path}/infer_stream`,
        { config: { role: 'viewer', audit: false } },
        async (request, reply) => {
          const { model, version } = request.params
          findModel(deps.fleet, request.project, model)
          const body = request.body instanceof Readable ? request.body : Readable.from([])
          const lines = linesOf(body as AsyncIterable<Buffer>, {
            maxBytes: deps.maxBodyBytes,
            tooLong: () => tooLarge(),
          })
          return reply
            .type('application/x-ndjson')
            .send(
              Readable.from(
                answers(deps, { ...target(model, version), caller: callerOf(request) }, lines)
              )
            )
        }
      )
  })

  const sockets = new WebSocketServer({ noServer: true, maxPayload: deps.maxBodyBytes })
  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const [, model, version] = PATH.exec(request.url ?? '') ?? []
    try {
      if (model === undefined) throw fail('request.not_found', 'No WebSocket here')
      const { letIn } = app.direct
      if (letIn === null) throw fail('serving.not_ready', 'Starting')
      const given = letIn(request.headers)
      const at = target(decodeURIComponent(model), version)
      findModel(deps.fleet, given.project, at.model)
      sockets.handleUpgrade(request, socket, head, (client) => {
        const duplex = createWebSocketStream(client, {
          readableObjectMode: true,
          encoding: 'utf8',
          decodeStrings: false,
        })
        const caller: Caller = {
          ...given,
          id: requestIdOf(request.headers, deps.clock),
          headers: request.headers,
          isGone: () => client.readyState !== client.OPEN,
        }
        // Who hangs up has heard enough.
        void pipeline(answers(deps, { ...at, caller }, messages(duplex)), duplex).catch(() =>
          client.terminate()
        )
      })
    } catch (thrown) {
      refuse(socket, thrown)
    }
  }
  app.server.on('upgrade', upgrade)
  app.addHook('preClose', (done) => {
    for (const client of sockets.clients) client.close(1001, 'the server stops')
    done()
  })
}

type Target = Readonly<{ model: string; version: string | null }>
const target = (model: string, version: string | undefined): Target => ({
  model,
  version: version ?? null,
})

async function* messages(
  duplex: AsyncIterable<string | Buffer>
): AsyncGenerator<Buffer, void, void> {
  for await (const message of duplex) yield Buffer.from(message)
}

async function* answers(
  deps: Deps,
  to: Target & { caller: Caller },
  requests: AsyncIterable<Buffer>
): AsyncGenerator<string, void, void> {
  let place = 0
  try {
    yield* inOrder(requests, WINDOW, (body) => answerOne(deps, { ...to, place: place++ }, body))
  } catch (thrown) {
    yield refusal(null, thrown)
  }
}

async function answerOne(
  deps: Deps,
  { model, version, caller, place }: Target & { caller: Caller; place: number },
  body: Buffer
): Promise<string> {
  try {
    const call = readInferCall(body, null)
    if (call.isBinary || call.outputs?.some(({ isBinary }) => isBinary) === true)
      throw fail('request.invalid', 'A stream answers in JSON; leave binary_data out')
    const answer = await deps.dataPlane.infer(
      toInference(
        { ...caller, id: `${caller.id}.${place}`, params: [], body },
        {
          endpoint: model,
          variant: version,
          timeoutMs: call.timeoutMs,
          priority: call.priority ?? null,
          payload: { kind: 'tensors', tensors: call.inputs },
        }
      )
    )
    return `${String(writeInferAnswer(model, call, answer).body)}\n`
  } catch (thrown) {
    return refusal(idOf(body), thrown)
  }
}

const refusal = (id: unknown, thrown: unknown): string => {
  const error = toAppError(thrown)
  return `${JSON.stringify({ ...(id === null ? {} : { id }), error: error.message, code: error.code })}\n`
}

function idOf(body: Buffer): unknown {
  try {
    const call = parseExactJson(body)
    return isRecord(call) && typeof call['id'] === 'string' ? call['id'] : null
  } catch {
    return null
  }
}

const tooLarge = () =>
  fail('request.too_large', 'A line of this stream is larger than this route accepts')

const callerOf = (request: FastifyRequest): Caller => ({
  id: request.id,
  principal: request.principal,
  project: request.project,
  headers: request.headers,
  isGone: () => request.raw.socket.destroyed,
})

/** An answer in plain HTTP to who asked for a WebSocket. */
function refuse(socket: Duplex, thrown: unknown): void {
  const error = toAppError(thrown)
  const { body } = refuseAsOip(error, { id: '' })
  const { status, title } = ERRORS[error.code]
  socket.end(
    `HTTP/1.1 ${status} ${title}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${String(body)}`,
    () => socket.destroy()
  )
}
