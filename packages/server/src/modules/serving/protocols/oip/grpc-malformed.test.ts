import { connect, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import protobuf from 'protobufjs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { frameOf } from '../../../../platform/grpc/frames.ts'
import { startServing, type TestServer } from '../../test/fixtures.ts'

/** `npm test` tries a few, `TRESTLE_FUZZ_RUNS=1000000 npx vitest run grpc-malformed` as many as wanted. */
const RUNS = Number(process.env['TRESTLE_FUZZ_RUNS'] ?? 300)

let server: TestServer
let client: ClientHttp2Session
let valid: Uint8Array
beforeAll(async () => {
  server = await startServing({}, { TRESTLE_GRPC_PORT: '0' })
  await server.send('POST', '/api/endpoints', { name: 'identity', model: 'identity' })
  client = connect(`http://127.0.0.1:${server.grpcPort ?? 0}`)
  const root = await new protobuf.Root().load(
    fileURLToPath(new URL('./inference.proto', import.meta.url)),
    { keepCase: true }
  )
  const type = root.lookupType('inference.ModelInferRequest')
  valid = type
    .encode(
      type.fromObject({
        model_name: 'identity',
        parameters: { timeout: { int64_param: 0 } },
        inputs: [{ name: 'x', datatype: 'FP32', shape: [2] }],
        raw_input_contents: [Buffer.alloc(8)],
      })
    )
    .finish()
})
afterAll(async () => {
  client.close()
  await server.stop()
})

function infer(frame: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const stream = client.request({
      ':method': 'POST',
      ':path': '/inference.GRPCInferenceService/ModelInfer',
      'content-type': 'application/grpc',
    })
    let status = ''
    const hear = (headers: IncomingHttpHeaders): void => {
      const said = headers['grpc-status']
      if (typeof said === 'string') status = said
    }
    stream.on('response', hear)
    stream.on('trailers', hear)
    stream.on('error', reject)
    stream.on('close', () => resolve(status))
    stream.resume()
    stream.end(frame)
  })
}

test('a valid call is answered', async () => {
  expect(await infer(frameOf(valid))).toBe('0')
})

/** OK, or a fault of the caller's: INVALID_ARGUMENT, DEADLINE_EXCEEDED (the deadline is in the bytes), NOT_FOUND, RESOURCE_EXHAUSTED, UNIMPLEMENTED. */
const CALLERS = ['0', '3', '4', '5', '8', '12']

test(
  'whatever bytes come, the status says whose fault it is, and never ours',
  async () => {
    const damage = fc.oneof(
      fc.record({ at: fc.nat(200), byte: fc.nat(255) }),
      fc.record({ at: fc.nat(200), byte: fc.constantFrom(0, 0x7f, 0x80, 0xff) })
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(damage, { minLength: 1, maxLength: 4 }),
        fc.option(fc.nat(80), { freq: 3 }),
        fc.boolean(),
        async (damages, cut, isFramed) => {
          const bytes = Buffer.from(isFramed ? valid : frameOf(valid))
          for (const { at, byte } of damages) bytes[at % bytes.byteLength] = byte
          const whole = cut === null ? bytes : bytes.subarray(0, cut)
          expect(CALLERS).toContain(await infer(isFramed ? frameOf(whole) : Buffer.from(whole)))
        }
      ),
      { numRuns: RUNS }
    )
  },
  Infinity
)
