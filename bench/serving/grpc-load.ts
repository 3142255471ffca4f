/** Unary gRPC calls over plain HTTP/2, as many as come back. A client of its own: grpc-js as client would take more of the machine than the server does. */
import { connect, type ClientHttp2Session } from 'node:http2'
import { fileURLToPath } from 'node:url'
import protobuf from 'protobufjs'

const PROTO = fileURLToPath(
  new URL(
    '../../packages/server/src/modules/serving/protocols/oip/inference.proto',
    import.meta.url
  )
)
const CONNECTIONS = 4

/** The bytes of a ModelInfer call. */
export async function encodeInfer(request: object): Promise<Buffer> {
  const root = await new protobuf.Root().load(PROTO, { keepCase: true })
  const type = root.lookupType('inference.ModelInferRequest')
  const message = type.encode(type.fromObject(request)).finish()
  const frame = Buffer.alloc(5 + message.byteLength)
  frame.writeUInt32BE(message.byteLength, 1)
  frame.set(message, 5)
  return frame
}

/** Throws when a call ends with another status than OK. */
export async function grpcLoad(
  target: { address: string; frame: Buffer },
  options: { concurrent: number; seconds: number }
): Promise<{ perSecond: number; requests: number; p99Ms: number }> {
  const sessions = Array.from({ length: CONNECTIONS }, () => connect(`http://${target.address}`))
  const begun = performance.now()
  const until = begun + options.seconds * 1_000
  const latencies: number[] = []
  await Promise.all(
    Array.from({ length: options.concurrent }, async (_, i) => {
      const session = sessions[i % CONNECTIONS]
      if (session === undefined) return
      while (performance.now() < until) {
        const sent = performance.now()
        await call(session, target.frame)
        latencies.push(performance.now() - sent)
      }
    })
  )
  const took = (performance.now() - begun) / 1_000
  for (const session of sessions) session.close()
  const sorted = latencies.toSorted((a, b) => a - b)
  return {
    perSecond: sorted.length / took,
    requests: sorted.length,
    p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? NaN,
  }
}

function call(session: ClientHttp2Session, frame: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': '/inference.GRPCInferenceService/ModelInfer',
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    let status: unknown
    const read = (headers: Record<string, unknown>): void => {
      status = headers['grpc-status'] ?? status
    }
    stream.on('response', read)
    stream.on('trailers', read)
    stream.on('error', reject)
    stream.on('end', () => {
      if (status === '0') resolve()
      else reject(new Error(`gRPC status ${String(status)}`))
    })
    stream.resume()
    stream.end(frame)
  })
}
