import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ServerResponse } from 'node:http'
import { fail } from '../../../platform/errors.ts'
import type { AnswerSink, LlmCall, LlmOperation } from '../llm/llm-call.ts'
import { isRecord } from '../named-inputs.ts'
import { readBody } from './http-request.ts'

/** Reads a call of either protocol. Throws `request.malformed` or `request.invalid`. */
export async function readLlmCall(
  request: FastifyRequest,
  own: { operation: LlmOperation; wire: LlmCall['wire']; maxBodyBytes: number; at: number }
): Promise<LlmCall> {
  const bytes = await readBody(request, own.maxBodyBytes)
  const body = parseBody(bytes)
  const { model } = body
  if (typeof model !== 'string' || model === '')
    throw fail('request.invalid', 'Name an endpoint as "model"; /v1/models lists them', {
      details: { param: 'model' },
    })
  const { headers } = request
  const { endpoint, variant } = splitModel(model)
  const header = (name: string): string | undefined => {
    const value = headers[name]
    return typeof value === 'string' ? value : undefined
  }
  return {
    project: request.project,
    endpoint,
    requestId: request.id,
    at: own.at,
    apiKeyId: request.principal.keyId,
    tag: header('x-trestle-tag') ?? tagIn(body['metadata']) ?? '',
    operation: own.operation,
    wire: own.wire,
    bytes,
    body,
    isStream: body['stream'] === true,
    variant: header('x-trestle-variant') ?? variant,
    header,
  }
}

/** `chat` is an endpoint; `chat@mini` one variant of it. */
function splitModel(model: string): { endpoint: string; variant: string | null } {
  const at = model.indexOf('@')
  return at === -1
    ? { endpoint: model, variant: null }
    : { endpoint: model.slice(0, at), variant: model.slice(at + 1) }
}

const MAX_TAG = 120

function tagIn(metadata: unknown): string | undefined {
  if (!isRecord(metadata)) return undefined
  const tag = metadata['trestle_tag']
  return typeof tag === 'string' ? tag.slice(0, MAX_TAG) : undefined
}

function parseBody(bytes: Buffer): Readonly<Record<string, unknown>> {
  let body: unknown
  try {
    body = JSON.parse(bytes.toString('utf8'))
  } catch (error) {
    throw fail('request.malformed', 'The body is not valid JSON', { cause: error })
  }
  if (!isRecord(body)) throw fail('request.invalid', 'The body must be a JSON object')
  return body
}

const MAX_PIECES_BYTES = 32 * 1024

/** Takes the answer over from Fastify: chunks go to the socket as they come. Nothing is taken over before the head, so that an error still has its own status. */
export function createHttpSink(request: FastifyRequest, reply: FastifyReply): AnswerSink {
  const res: ServerResponse = reply.raw
  let isGone = res.destroyed
  let onGone: (() => void) | null = null
  // Pieces that come in one turn go out as one: a backend that is ahead sends hundreds at once, and each write costs more than its bytes.
  let pieces: Buffer[] = []
  let size = 0
  const take = (): Buffer => {
    const [first] = pieces
    const whole = pieces.length === 1 && first !== undefined ? first : Buffer.concat(pieces)
    pieces = []
    size = 0
    return whole
  }
  const flush = (): boolean => (pieces.length === 0 || isGone ? true : res.write(take()))
  res.once('close', () => {
    if (res.writableFinished) return
    isGone = true
    onGone?.()
  })
  return {
    head(status, headers) {
      reply.hijack()
      res.writeHead(status, {
        'x-request-id': request.id,
        'request-id': request.id,
        'x-content-type-options': 'nosniff',
        ...headers,
      })
      // The first bytes of a stream must not wait for the second.
      if (headers['content-length'] === undefined) res.socket?.setNoDelay(true)
    },
    write(bytes) {
      size += bytes.length
      if (pieces.push(bytes) === 1) process.nextTick(flush)
      return size >= MAX_PIECES_BYTES ? flush() : !res.writableNeedDrain
    },
    end(bytes) {
      if (bytes !== undefined) pieces.push(bytes)
      if (pieces.length === 0) res.end()
      else res.end(take())
    },
    get isGone() {
      return isGone
    },
    onDrain: (listener) => void res.on('drain', listener),
    onGone: (listener) => {
      onGone = listener
    },
  }
}
