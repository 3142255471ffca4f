import { connect } from 'node:net'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServing, type TestServer } from '../test/fixtures.ts'

/** Requests of each protocol; `npm test` tries a few, `TRESTLE_FUZZ_RUNS=100000 npx vitest run malformed` as many as wanted. */
const RUNS = Number(process.env['TRESTLE_FUZZ_RUNS'] ?? 60)

let server: TestServer
beforeAll(async () => {
  server = await startServing()
  for (const model of ['fraud/1', 'identity', 'text'])
    await server.send('POST', '/api/endpoints', { name: model.split('/')[0], model })
  await server.send('POST', '/api/endpoints', {
    name: 'rules',
    script: {
      source: `export default { inputs: { x: 'FP64', s: 'BYTES' }, outputs: { y: 'FP64' },
        predict: (rows) => rows.map(({ x }) => ({ y: x })) }`,
    },
  })
})
afterAll(() => server.stop())

const ROW = { amount: 120.5, age: 0.5, score: 2 }
const tensor = { name: 'x', datatype: 'FP32', shape: [2], data: [1, 2] }
const VALID: Readonly<Record<string, readonly [path: string, body: unknown]>> = {
  'plain JSON': ['/endpoints/fraud/predict', { instances: [ROW, ROW] }],
  script: ['/endpoints/rules/predict', { x: 1, s: 'a' }],
  'v2 infer': [
    '/v2/models/identity/infer',
    { id: 'a', parameters: { timeout: 0 }, inputs: [tensor], outputs: [{ name: 'y' }] },
  ],
  'v2 of a script': ['/v2/models/rules/infer', { inputs: [{ ...tensor, datatype: 'FP64' }] }],
  'v2 index': ['/v2/repository/index', { ready: true }],
  'v2 load': ['/v2/repository/models/fraud/load', { parameters: { config: '{}' } }],
  'KServe V1': ['/v1/models/fraud:predict', { instances: [ROW] }],
  explain: [
    '/endpoints/fraud/explain',
    { ...ROW, parameters: { background: [ROW], max_rows: 40, index: 0 } },
  ],
  MLflow: [
    '/endpoints/fraud/invocations',
    { dataframe_split: { columns: ['amount', 'age', 'score'], data: [[1, 2, 3]] } },
  ],
  TorchServe: ['/predictions/fraud', { data: [ROW] }],
  'Azure ML': ['/score', { input_data: { columns: ['a'], data: [[1]] } }],
}

const ODD = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom<unknown>(
    -1,
    0.5,
    1e308,
    2 ** 53,
    null,
    '',
    'FP64',
    [],
    {},
    [[]],
    [-1],
    [1e9, 1e9, 1e9],
    '__proto__',
    'constructor'
  )
)

/** A valid body with one value somewhere in it replaced, dropped or doubled. */
function mutate(body: unknown, steps: readonly number[], odd: unknown): unknown {
  const [step, ...further] = steps
  if (step === undefined || typeof body !== 'object' || body === null) return odd
  if (Array.isArray(body)) {
    if (body.length === 0) return [odd]
    const at = step % body.length
    return body.map((item: unknown, i) => (i === at ? mutate(item, further, odd) : item))
  }
  const entries = Object.entries(body)
  const at = step % Math.max(1, entries.length)
  return Object.fromEntries(
    entries.map(([key, value], i) => [key, i === at ? mutate(value, further, odd) : value] as const)
  )
}

const post = (path: string, body: string | Uint8Array<ArrayBuffer>, headers = {}) =>
  fetch(`${server.url}${path}`, { method: 'POST', body, headers })

for (const [name, [path, body]] of Object.entries(VALID))
  test(`${name}: whatever comes is answered, and never as our own fault`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(9), { maxLength: 5 }),
        ODD,
        fc.nat(400),
        async (steps, odd, cut) => {
          const text = JSON.stringify(mutate(body, steps, odd))
          for (const sent of [text, text.slice(0, cut)]) {
            const response = await post(path, sent, { 'content-type': 'application/json' })
            const said = await response.text()
            // A caller may set a deadline that nobody can keep.
            const isFair = response.status < 500 || response.status === 504
            expect(isFair, `${sent} → ${response.status} ${said}`).toBe(true)
          }
        }
      ),
      { numRuns: RUNS }
    )
  })

test('binary bodies whose sizes lie are refused', async () => {
  const head = Buffer.from(
    JSON.stringify({
      inputs: [{ name: 'x', datatype: 'FP32', shape: [2], parameters: { binary_data_size: 8 } }],
    })
  )
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 24 }),
      fc.integer({ min: -20, max: 40 }),
      fc.constantFrom('', 'gzip', 'deflate', 'zstd'),
      async (tail, skew, encoding) => {
        const response = await post(
          '/v2/models/identity/infer',
          new Uint8Array(Buffer.concat([head, tail])),
          {
            'inference-header-content-length': String(head.length + skew),
            ...(encoding === '' ? {} : { 'content-encoding': encoding }),
          }
        )
        await response.arrayBuffer()
        expect(response.status).toBeLessThan(500)
      }
    ),
    { numRuns: RUNS }
  )
})

test('connections that break off leave the server well', async () => {
  const { hostname, port } = new URL(server.url)
  await fc.assert(
    fc.asyncProperty(fc.nat(200), async (cut) => {
      const text = `POST /v2/models/identity/infer HTTP/1.1\r\nhost: x\r\ncontent-length: 500\r\n\r\n${JSON.stringify({ inputs: [tensor] })}`
      await new Promise<void>((resolve) => {
        const socket = connect(Number(port), hostname, () => {
          socket.write(text.slice(0, cut), () => socket.destroy())
        })
        socket.on('close', () => resolve())
        socket.on('error', () => resolve())
      })
    }),
    { numRuns: RUNS }
  )
  const after = await server.send('POST', '/endpoints/fraud/predict', ROW)
  expect(after.status).toBe(200)
})
