import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createFileBlobStore } from '../../../platform/blobs/index.ts'
import { seal } from '../seal.ts'
import { createVersionFolder } from '../version-folder.ts'
import { feedsFromExample, madeUpFeeds } from './example-feeds.ts'
import { measureLatency } from './measure-latency.ts'
import type { OnnxValue } from './onnx-summary.ts'
import { readOnnx } from './read-onnx.ts'

const MODEL = new URL('../fixtures/matmul.onnx', import.meta.url)

let root = ''
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'example-'))
})
afterAll(() => rm(root, { recursive: true, force: true }))

/** The version sealed of the matmul model (one input, `x: float [batch, 2]`) and this example. */
async function sealedWith(name: string, example: unknown) {
  const blobs = createFileBlobStore(join(root, 'blobs'))
  const put = async (path: string, bytes: Buffer) => ({
    path,
    ...(await blobs.put(Readable.from([bytes]))),
  })
  const files = [
    await put('model.onnx', readFileSync(MODEL)),
    await put(name, Buffer.from(JSON.stringify(example))),
  ]
  return seal({ blobs, folder: createVersionFolder({ blobs, root: join(root, 'models') }) }, files)
}

test.for<[string, unknown]>([
  [
    'a table',
    {
      dataframe_split: {
        columns: ['a', 'b'],
        data: [
          [1, 2],
          [3, 4],
        ],
      },
    },
  ],
  ['records', { dataframe_records: [{ a: 1, b: 2 }] }],
  ['a tensor', { inputs: [[1, 2]] }],
  ['named tensors', { inputs: { x: [[1.5, 2]] } }],
  ['instances', { instances: [[1, 2]] }],
  ['text, which says nothing of this graph', { inputs: ['hello'] }],
])('a version whose model takes its input example is ready: %s', async ([, example]) => {
  expect(await sealedWith('serving_input_example.json', example)).toMatchObject({
    status: 'READY',
    statusMessage: null,
  })
})

test('a version whose model does not take its input example has failed, with the reason', async () => {
  const sealed = await sealedWith('input_example.json', {
    columns: ['a', 'b', 'c'],
    data: [[1, 2, 3]],
  })
  expect(sealed.status).toBe('FAILED_REGISTRATION')
  expect(sealed.statusMessage).toMatch(
    /does not run on its input example: .*(dimension|index|invalid)/i
  )
})

const input = (name: string, type: string, shape: OnnxValue['shape']): OnnxValue => ({
  name,
  type,
  shape,
})

test('columns go to the inputs of their names, cast to the types of the graph', () => {
  const feeds = feedsFromExample(
    {
      columns: ['n', 'word', 'flag'],
      data: [
        [7, 'a', true],
        [8, 'b', false],
      ],
    },
    [
      input('word', 'tensor(string)', [null, 1]),
      input('n', 'tensor(int64)', [null]),
      input('flag', 'tensor(bool)', [null, 1]),
    ]
  )
  expect(feeds).toEqual({
    word: { type: 'string', data: ['a', 'b'], dims: [2, 1] },
    n: { type: 'int64', data: BigInt64Array.of(7n, 8n), dims: [2] },
    flag: { type: 'bool', data: Uint8Array.of(1, 0), dims: [2, 1] },
  })
})

test('an example that can not be laid over the graph says nothing', () => {
  const x = input('x', 'tensor(float)', [null, 2])
  for (const example of [null, 3, 'text', {}, { inputs: { y: [1] } }, { inputs: [[1, 2], [3]] }])
    expect(feedsFromExample(example, [x])).toBeNull()
  expect(feedsFromExample({ inputs: [[1]] }, [input('x', 'tensor(float16)', null)])).toBeNull()
})

test('a model without an example is timed on one made-up row', async () => {
  const path = fileURLToPath(MODEL)
  const onnx = readOnnx(path)
  expect(madeUpFeeds(onnx.inputs)).toEqual({
    x: { type: 'float32', data: Float32Array.of(0, 0), dims: [1, 2] },
  })
  const { latency } = await measureLatency({ path, onnx, example: null })
  expect(latency).toMatchObject({ input: 'made up' })
  expect(latency?.p50).toBeGreaterThan(0)
})
