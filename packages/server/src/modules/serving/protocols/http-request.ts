import type { FastifyInstance, FastifyRequest } from 'fastify'
import { promisify } from 'node:util'
import { gunzip, inflate } from 'node:zlib'
import { fail } from '../../../platform/errors.ts'
import type { InferenceRequest } from '../data-plane.ts'
import type { Payload } from '../prepare-inputs.ts'

const unzip = promisify(gunzip)
const inflated = promisify(inflate)

/** Hands every body of a scope over as bytes, whatever its content type says: tritonclient sends none. */
export function takeRawBodies(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
}

const EMPTY = Buffer.alloc(0)

/** The bytes of a request, unpacked. Throws when they unpack to more than `maxBytes`. */
export function readBody(request: FastifyRequest, maxBytes: number): Buffer | Promise<Buffer> {
  const body = Buffer.isBuffer(request.body) ? request.body : EMPTY
  const encoding = request.headers['content-encoding']
  if (encoding === undefined || encoding === 'identity') return body
  return unpack({ body, encoding }, maxBytes)
}

async function unpack(
  { body, encoding }: { body: Buffer; encoding: string },
  maxOutputLength: number
): Promise<Buffer> {
  try {
    if (encoding === 'gzip') return await unzip(body, { maxOutputLength })
    if (encoding === 'deflate') return await inflated(body, { maxOutputLength })
  } catch (error) {
    if (error instanceof RangeError)
      throw fail('request.too_large', 'The unpacked body is larger than this route accepts')
    throw fail('request.malformed', `The body is not valid ${encoding}`, { cause: error })
  }
  throw fail(
    'request.unsupported_media_type',
    'Send the body plain, or packed with gzip or deflate'
  )
}

/** What every protocol over HTTP says in headers and parameters; the rest of the request is the protocol's own. */
export function toInference(
  request: FastifyRequest,
  own: { endpoint: string; payload: Payload; variant?: string | null; timeoutMs?: number | null }
): InferenceRequest {
  const { headers, raw } = request
  const forced = headers['x-trestle-variant']
  return {
    project: request.project,
    endpoint: own.endpoint,
    requestId: request.id,
    apiKeyId: request.principal.keyId,
    header: (name) => {
      const value = headers[name]
      return typeof value === 'string' ? value : undefined
    },
    variant: typeof forced === 'string' && forced !== '' ? forced : (own.variant ?? null),
    timeoutMs: timeoutOf(headers['x-request-timeout-ms']) ?? own.timeoutMs ?? null,
    isGone: () => raw.socket.destroyed,
    payload: own.payload,
  }
}

function timeoutOf(header: string | string[] | undefined): number | null {
  if (header === undefined) return null
  const ms = Number(header)
  if (Number.isFinite(ms) && ms > 0) return ms
  throw fail('request.invalid', 'x-request-timeout-ms must be a number of milliseconds above 0')
}
