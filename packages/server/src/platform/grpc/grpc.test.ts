import { connect, constants, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2'
import { connect as connectTcp } from 'node:net'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createFrameReader, frameOf } from './frames.ts'
import { createGrpcServer, type GrpcMethod, type GrpcServer } from './server.ts'
import { encodeMessage, GrpcFailure } from './status.ts'

const MAX_BYTES = 1_000
let server: GrpcServer
let port = 0
let client: ClientHttp2Session

beforeAll(async () => {
  const text = {
    decode: (bytes: Buffer): unknown => {
      if (bytes[0] === 0xff) throw new Error('not ours')
      return bytes.toString('latin1')
    },
    encode: (message: unknown) => Buffer.from(String(message), 'latin1'),
  }
  server = createGrpcServer({
    methods: new Map<string, GrpcMethod>([
      ['/t.T/Echo', { ...text, kind: 'unary', run: async (request) => request }],
      [
        '/t.T/Each',
        {
          ...text,
          kind: 'stream',
          async run(requests, call) {
            for await (const request of requests) call.write(request)
          },
        },
      ],
    ]),
    maxMessageBytes: MAX_BYTES,
    toFailure: (thrown) =>
      thrown instanceof GrpcFailure ? thrown : new GrpcFailure(2, String(thrown)),
  })
  port = await server.listen({ host: '127.0.0.1', port: 0 })
  client = connect(`http://127.0.0.1:${port}`)
})
afterAll(async () => {
  client.close()
  await server.stop(AbortSignal.timeout(1_000))
})

type Said = { status: string; message: string; bytes: Buffer }

function call(path: string, chunks: readonly Buffer[], headers = {}): Promise<Said> {
  return new Promise((resolve, reject) => {
    const stream = client.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc+proto',
      ...headers,
    })
    let said: IncomingHttpHeaders = {}
    const parts: Buffer[] = []
    const hear = (head: IncomingHttpHeaders): void => void (said = { ...said, ...head })
    stream.on('response', hear)
    stream.on('trailers', hear)
    stream.on('data', (part: Buffer) => parts.push(part))
    stream.on('error', reject)
    stream.on('close', () =>
      resolve({
        status: String(said['grpc-status']),
        message: [said['grpc-message'] ?? []].flat().join(''),
        bytes: Buffer.concat(parts),
      })
    )
    for (const chunk of chunks) stream.write(chunk)
    stream.end()
  })
}

test('messages come through, however their bytes are cut', () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 })
  fc.assert(
    fc.property(messages, fc.array(fc.nat(30)), (sent, cuts) => {
      const bytes = Buffer.concat(sent.map(frameOf))
      const reader = createFrameReader(MAX_BYTES)
      const read: Buffer[] = []
      let at = 0
      for (const cut of [...cuts, Infinity])
        read.push(...reader.push(bytes.subarray(at, (at += cut))).map((message) => message.bytes))
      expect(read.map((message) => [...message])).toEqual(sent.map((message) => [...message]))
      expect(reader.isInside()).toBe(false)
    })
  )
})

test('a unary call, plain or packed, and a stream are answered', async () => {
  const frame = frameOf(Buffer.from('hello'))
  expect(await call('/t.T/Echo', [frame])).toEqual({ status: '0', message: '', bytes: frame })
  const packed = gzipSync('hello')
  const packedFrame = frameOf(packed)
  packedFrame[0] = 1
  expect(await call('/t.T/Echo', [packedFrame], { 'grpc-encoding': 'gzip' })).toMatchObject({
    status: '0',
    bytes: frame,
  })
  expect(await call('/t.T/Each', [frame, frame])).toMatchObject({
    status: '0',
    bytes: Buffer.concat([frame, frame]),
  })
})

test('what is wrong with a call is said in its status, and never as our own fault', async () => {
  const frame = frameOf(Buffer.from('hello'))
  const packed = Buffer.from(frame)
  packed[0] = 1
  const long = Buffer.alloc(5)
  long.writeUInt32BE(MAX_BYTES + 1, 1)
  const cases: [chunks: Buffer[], headers: object, status: string][] = [
    [[], {}, '3'],
    [[frame.subarray(0, 7)], {}, '3'],
    [[frame, frame], {}, '3'],
    [[frameOf(Buffer.from([0xff]))], {}, '3'],
    [[long], {}, '8'],
    [[packed], { 'grpc-encoding': 'gzip' }, '3'],
    [[packed], { 'grpc-encoding': 'snappy' }, '12'],
  ]
  for (const path of ['/t.T/Echo', '/t.T/Each'])
    for (const [chunks, headers, status] of cases) {
      if (path.endsWith('Each') && (chunks.length === 0 || chunks.length === 2)) continue
      expect(await call(path, chunks, headers)).toMatchObject({ status })
    }
  expect(await call('/t.T/None', [frame])).toMatchObject({ status: '12' })
  expect(encodeMessage('50 % é\n')).toBe('50 %25 %C3%A9%0A')
})

test('calls that are reset, and frames that are none, disturb no other', async () => {
  const frame = frameOf(Buffer.from('hello'))
  for (let i = 0; i < 200; i++) {
    const stream = client.request({
      ':method': 'POST',
      ':path': i % 2 === 0 ? '/t.T/Echo' : '/t.T/Each',
      'content-type': 'application/grpc',
    })
    stream.on('error', () => undefined)
    if (i % 3 > 0) stream.write(frame.subarray(0, i % 9))
    if (i % 5 === 0) stream.end()
    await new Promise((resolve) => setImmediate(resolve))
    stream.close(constants.NGHTTP2_CANCEL)
  }
  for (const after of ['0000ff090100000001ffffffff', '00000004000000000000', 'ff'.repeat(40)]) {
    const broken = connectTcp(port, '127.0.0.1')
    broken.on('error', () => undefined)
    broken.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
    broken.end(Buffer.from(after, 'hex'))
    broken.resume()
    await new Promise((resolve) => broken.on('close', resolve))
  }
  expect(await call('/t.T/Echo', [frame])).toMatchObject({ status: '0', bytes: frame })
})
