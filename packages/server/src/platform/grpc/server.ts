import {
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import { openCall, type GrpcCall } from './call.ts'
import { createFrameReader, ENCODINGS, frameOf, unpack, type Packed } from './frames.ts'
import { encodeMessage, GrpcFailure, STATUS } from './status.ts'

/** How the messages of a method are read and written. `decode` throws for bytes that are no such message. */
export type GrpcCodec = Readonly<{
  decode: (bytes: Buffer) => unknown
  encode: (message: unknown) => Uint8Array
}>

export type GrpcMethod = GrpcCodec &
  (
    | Readonly<{ kind: 'unary'; run: (request: unknown, call: GrpcCall) => Promise<unknown> }>
    | Readonly<{
        kind: 'stream'
        run: (
          requests: AsyncIterable<unknown>,
          call: GrpcCall & { write: (message: unknown) => void }
        ) => Promise<void>
      }>
  )

export interface GrpcServer {
  listen(address: { host: string; port: number }): Promise<number>
  /** Takes no new calls, finishes those under way; on `signal`, ends them. */
  stop(signal: AbortSignal): Promise<void>
}

/** Large tensors would wait for leave to send at each 64 KB. */
const WINDOW_BYTES = 4 * 1_024 * 1_024

/**
 * gRPC over Node's HTTP/2, by the path of each method: half of the processor time that grpc-js takes for a unary call.
 * https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
export function createGrpcServer(deps: {
  methods: ReadonlyMap<string, GrpcMethod>
  maxMessageBytes: number
  /** What a thrown thing ends its call with. */
  toFailure: (thrown: unknown) => GrpcFailure
}): GrpcServer {
  const sessions = new Set<ServerHttp2Session>()
  const server = createServer({
    settings: { initialWindowSize: WINDOW_BYTES },
    // The limit of a message is checked by its length; Node's own would end a session for a large one.
    maxSessionMemory: Number.MAX_SAFE_INTEGER,
  })
  server.on('session', (session) => {
    sessions.add(session)
    session.setLocalWindowSize(WINDOW_BYTES)
    session.on('error', () => session.destroy())
    session.on('close', () => sessions.delete(session))
  })
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined) // a reset, by either side; the call is then cancelled
    const method = deps.methods.get(headers[':path'] ?? '')
    if (headers['content-type']?.startsWith('application/grpc') !== true) {
      stream.respond({ ':status': 415 }, { endStream: true })
      return
    }
    if (method === undefined) {
      end(stream, new GrpcFailure(STATUS.unimplemented, `No method ${headers[':path'] ?? ''}`))
      return
    }
    const by = {
      encoding: headers['grpc-encoding'] ?? 'identity',
      maxBytes: deps.maxMessageBytes,
    }
    const answered =
      method.kind === 'unary'
        ? answerUnary(stream, { method, headers, by: by as Unpacking })
        : answerStream(stream, { method, headers, by: by as Unpacking })
    answered.catch((error: unknown) => end(stream, deps.toFailure(error)))
  })

  return {
    listen: ({ host, port }) =>
      new Promise((resolve, reject) => {
        server.once('error', reject)
        server.listen(port, host, () => resolve((server.address() as AddressInfo).port))
      }),
    stop: (signal) =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const session of sessions) session.close()
        const abort = (): void => {
          for (const session of sessions) session.destroy()
        }
        if (signal.aborted) abort()
        else signal.addEventListener('abort', abort, { once: true })
      }),
  }
}

type Unpacking = Readonly<{ encoding: string; maxBytes: number }>
type Begun<K extends GrpcMethod['kind']> = Readonly<{
  method: Extract<GrpcMethod, { kind: K }>
  headers: IncomingHttpHeaders
  by: Unpacking
}>

const RESPONSE = {
  ':status': 200,
  'content-type': 'application/grpc',
  'grpc-accept-encoding': ENCODINGS,
} as const

async function answerUnary(
  stream: ServerHttp2Stream,
  { method, headers, by }: Begun<'unary'>
): Promise<void> {
  const call = openCall(stream, headers)
  const unpacked = unpack(await onlyMessage(stream, by.maxBytes), by)
  const request = decode(method, unpacked instanceof Promise ? await unpacked : unpacked)
  const answer = frameOf(method.encode(await method.run(request, call)))
  if (call.isCancelled()) return
  stream.respond(RESPONSE, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
  stream.end(answer)
}

/** The one message of a unary call. */
function onlyMessage(stream: ServerHttp2Stream, maxBytes: number): Promise<Packed> {
  return new Promise((resolve, reject) => {
    const reader = createFrameReader(maxBytes)
    const messages: Packed[] = []
    stream.on('data', (chunk: Buffer) => {
      try {
        messages.push(...reader.push(chunk))
        if (messages.length > 1)
          throw new GrpcFailure(STATUS.invalidArgument, 'This method takes one message')
      } catch (error) {
        stream.removeAllListeners('data')
        stream.resume()
        reject(error instanceof Error ? error : new Error(String(error)))
      }
    })
    stream.on('end', () => {
      const [only] = messages
      if (only !== undefined && !reader.isInside()) resolve(only)
      else reject(new GrpcFailure(STATUS.invalidArgument, 'The call ended before its message did'))
    })
    stream.on('close', () => {
      if (!stream.readableEnded)
        reject(new GrpcFailure(STATUS.invalidArgument, 'The call was cut off'))
    })
  })
}

async function answerStream(
  stream: ServerHttp2Stream,
  { method, headers, by }: Begun<'stream'>
): Promise<void> {
  stream.respond(RESPONSE, { waitForTrailers: true })
  async function* requests(): AsyncGenerator {
    const reader = createFrameReader(by.maxBytes)
    // A failed message ends the call with a status: the stream must outlive the reading.
    for await (const chunk of stream.iterator({ destroyOnReturn: false }))
      for (const packed of reader.push(chunk as Buffer))
        yield decode(method, await unpack(packed, by))
    if (reader.isInside())
      throw new GrpcFailure(STATUS.invalidArgument, 'The call ended inside a message')
  }
  const call = openCall(stream, headers)
  await method.run(requests(), {
    ...call,
    write: (message) => void stream.write(frameOf(method.encode(message))),
  })
  end(stream, null)
}

function decode(method: GrpcCodec, bytes: Buffer): unknown {
  try {
    return method.decode(bytes)
  } catch {
    throw new GrpcFailure(STATUS.invalidArgument, 'The message cannot be decoded')
  }
}

/** Ends a call with a status, whether or not its answer has begun. */
function end(stream: ServerHttp2Stream, failure: GrpcFailure | null): void {
  if (stream.destroyed || stream.writableEnded) return
  const trailers = {
    'grpc-status': String(failure?.code ?? STATUS.ok),
    ...(failure === null ? {} : { 'grpc-message': encodeMessage(failure.message) }),
  }
  if (!stream.headersSent) {
    stream.respond({ ...RESPONSE, ...trailers }, { endStream: true })
    if (!stream.readableEnded) stream.resume()
    return
  }
  stream.on('wantTrailers', () => stream.sendTrailers(trailers))
  stream.end()
}
