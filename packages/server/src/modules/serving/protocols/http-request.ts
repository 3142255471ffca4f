import type { FastifyRequest } from 'fastify'
import { promisify } from 'node:util'
import { deflate, gunzip, gzip, inflate, zstdCompress, zstdDecompress } from 'node:zlib'
import { fail } from '../../../platform/errors.ts'
import type { DirectAnswer, DirectRequest } from '../../../platform/http/index.ts'
import type { InferenceRequest } from '../inference-request.ts'
import type { Payload } from '../prepare-inputs.ts'

const UNPACK = {
  gzip: promisify(gunzip),
  deflate: promisify(inflate),
  zstd: promisify(zstdDecompress),
} as const
const PACK = {
  gzip: promisify(gzip),
  deflate: promisify(deflate),
  zstd: promisify(zstdCompress),
} as const
type Packing = keyof typeof PACK
const isPacking = (name: string): name is Packing => Object.hasOwn(PACK, name)

const EMPTY = Buffer.alloc(0)

/** The bytes of a request, unpacked. Throws when they unpack to more than `maxBytes`. */
export function readBody(
  request: Pick<DirectRequest, 'headers'> & { body: unknown },
  maxBytes: number
): Buffer | Promise<Buffer> {
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
    if (isPacking(encoding)) return await UNPACK[encoding](body, { maxOutputLength })
  } catch (error) {
    if (error instanceof RangeError)
      throw fail('request.too_large', 'The unpacked body is larger than this route accepts')
    throw fail('request.malformed', `The body is not valid ${encoding}`, { cause: error })
  }
  throw fail(
    'request.unsupported_media_type',
    'Send the body plain, or packed with gzip, deflate or zstd'
  )
}

const MIN_PACKED_BYTES = 1_024

/**
 * An answer, packed when the caller asked for one packing by name, as tritonclient does. Browsers and HTTP libraries list all they know with every
 * request: packing tensors for them would cost more than it saves.
 */
export function pack(
  { headers }: Pick<DirectRequest, 'headers'>,
  answer: DirectAnswer
): DirectAnswer | Promise<DirectAnswer> {
  const asked = headers['accept-encoding']
  const { body } = answer
  if (typeof asked !== 'string' || !isPacking(asked) || body.length < MIN_PACKED_BYTES)
    return answer
  return PACK[asked](body).then((packed) => ({
    ...answer,
    headers: { ...answer.headers, 'content-encoding': asked, vary: 'accept-encoding' },
    body: packed,
  }))
}

/** Tells that nothing ran for an answer. */
export const cacheHeader = ({ isCached }: { isCached?: true }): Record<string, string> =>
  isCached === true ? { 'x-trestle-cache': 'hit' } : {}

/** What every protocol over HTTP says in headers and parameters; the rest of the request is the protocol's own. */
export function toInference(
  request: DirectRequest | FastifyRequest,
  own: {
    endpoint: string
    payload: Payload
    variant?: string | null
    timeoutMs?: number | null
    priority?: number | null
  }
): InferenceRequest {
  const { headers } = request
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
    priority: own.priority ?? priorityOf(headers['x-request-priority']),
    isGone: 'isGone' in request ? request.isGone : () => request.raw.socket.destroyed,
    payload: own.payload,
  }
}

function timeoutOf(header: string | string[] | undefined): number | null {
  if (header === undefined) return null
  const ms = Number(header)
  if (Number.isFinite(ms) && ms > 0) return ms
  throw fail('request.invalid', 'x-request-timeout-ms must be a number of milliseconds above 0')
}

export function priorityOf(header: string | string[] | undefined): number | null {
  if (header === undefined) return null
  const priority = Number(header)
  if (Number.isSafeInteger(priority) && priority > 0) return priority
  throw fail('request.invalid', 'x-request-priority must be a whole number of 1 or more')
}
