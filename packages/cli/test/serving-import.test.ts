import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parsePbtxt } from '../src/serving-import/pbtxt.ts'
import { runHere } from './support/in-process.ts'
import { startServer, type TestServer } from './support/server.ts'

const FIXTURES = fileURLToPath(
  new URL('../../server/src/modules/serving/fixtures/', import.meta.url)
)
let server: TestServer
let folder: string
beforeAll(async () => {
  server = await startServer()
  folder = await mkdtemp(join(tmpdir(), 'import-'))
})
afterAll(async () => {
  await server.stop()
  await rm(server.dataDir, { recursive: true, force: true })
  await rm(folder, { recursive: true, force: true })
})

async function lay(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    const place = join(folder, path)
    await mkdir(dirname(place), { recursive: true })
    if (content.endsWith('.onnx')) await cp(join(FIXTURES, content), place)
    else await writeFile(place, content)
  }
}

async function run(...args: string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await runHere(server.url, ['import', ...args, '--json'])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout) as Record<string, unknown>
}
const get = async (path: string): Promise<unknown> => (await fetch(server.url + path)).json()

// As in Triton's docs/user_guide/model_configuration.md, and its examples.
const SIMPLE = `
name: "simple" # a comment
platform: "onnxruntime_onnx"
max_batch_size: 8
input [
  { name: "INPUT0" data_type: TYPE_INT32 dims: [ 16 ] },
  { name: "INPUT1", data_type: TYPE_INT32, dims: 16 }
]
version_policy: { all { }}
dynamic_batching {
  preferred_batch_size: [ 4, 8 ]
  max_queue_delay_microseconds: 100
  default_queue_policy { max_queue_size: 32 }
}
instance_group [ { count: 2 kind: KIND_CPU } ]
`

test('a Triton repository: ONNX models with their versions and batching, and what can’t come along is said', async () => {
  await lay({
    'triton/simple/config.pbtxt': SIMPLE,
    'triton/simple/1/model.onnx': 'simple.onnx',
    'triton/simple/3/model.onnx': 'simple.onnx',
    'triton/resnet/config.pbtxt': 'backend: "pytorch"\nmax_batch_size: 1',
    'triton/plain/1/model.onnx': 'fraud-1.onnx',
  })
  const repository = join(folder, 'triton')
  const plan = await run('triton', repository, '--dry-run')
  expect(plan['endpoints']).toMatchObject([
    { name: 'plain', variants: [{ variant: 'v1', batching: null }] },
    {
      name: 'simple',
      variants: [
        { variant: 'v1', source: { kind: 'onnx' }, batching: { maxRows: 8, maxQueued: 32 } },
        { variant: 'v3' },
      ],
    },
  ])
  const notes = String(plan['notes'])
  for (const word of [
    'resnet: the backend "pytorch"',
    'instance_group',
    'max_queue_delay',
    'no config.pbtxt',
  ])
    expect(notes).toContain(word)
  expect(await get('/api/endpoints')).toEqual({ items: [] })

  expect(await run('triton', repository)).toMatchObject({ made: ['plain', 'simple'], there: [] })
  expect(await get('/api/endpoints/simple')).toMatchObject({
    variants: [
      { name: 'v1', batching: { maxRows: 8, maxQueued: 32 } },
      { name: 'v3', model: { version: 2 } },
    ],
    traffic: { weights: [{ variant: 'v3', basisPoints: 10_000 }] },
  })
  expect(await run('triton', repository)).toMatchObject({ made: [], there: ['plain', 'simple'] })
})

test('an MLServer repository: an ONNX file runs here, other runtimes stay there', async () => {
  await lay({
    'mlserver/fraud/model-settings.json': JSON.stringify({
      name: 'fraud',
      implementation: 'models.OnnxModel',
      max_batch_size: 5,
      max_batch_time: 1,
      parameters: { uri: './fraud.onnx', version: 'v0.1.0' },
    }),
    'mlserver/fraud/fraud.onnx': 'fraud-1.onnx',
    'mlserver/iris/model-settings.json': JSON.stringify({
      name: 'iris-sklearn',
      implementation: 'mlserver_sklearn.SKLearnModel',
      parameters: { uri: './iris.joblib', version: 'v0.1.0' },
    }),
  })
  const plan = await run(
    'mlserver',
    join(folder, 'mlserver'),
    '--remote',
    'grpc://mlserver:8081',
    '--dry-run'
  )
  expect(plan['endpoints']).toMatchObject([
    { name: 'fraud', variants: [{ variant: 'v0.1.0', batching: { maxRows: 5 } }] },
    {
      name: 'iris-sklearn',
      variants: [
        {
          source: {
            kind: 'remote',
            remote: { url: 'grpc://mlserver:8081', model: 'iris-sklearn', version: 'v0.1.0' },
          },
        },
      ],
    },
  ])
  const done = await run('mlserver', join(folder, 'mlserver'))
  expect(done).toMatchObject({ made: ['fraud'] })
  expect(String(done['notes'])).toContain('mlserver_sklearn.SKLearnModel does not run here')
})

test('InferenceServices of KServe: a mounted ONNX file runs here, others stay where they are', async () => {
  await lay({
    'kserve/mnt/models/digits/digits.onnx': 'identity.onnx',
    'kserve/isvc.yaml': `
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: { name: digits }
spec:
  predictor:
    canaryTrafficPercent: 10
    batcher: { maxBatchSize: 32, maxLatency: 500 }
    logger: { mode: request, url: http://message-dumper.default/ }
    model:
      modelFormat: { name: onnx }
      storageUri: pvc://models-pvc/mnt/models/digits
---
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: { name: sklearn-iris, namespace: kserve-test }
spec:
  predictor:
    sklearn: { storageUri: "gs://kfserving-examples/models/sklearn/1.0/model" }
---
apiVersion: v1
kind: Secret
`,
  })
  const file = join(folder, 'kserve/isvc.yaml')
  const storage = ['--storage', join(folder, 'kserve')]
  const plan = await run('kserve', file, ...storage, '--dry-run')
  expect(plan['endpoints']).toMatchObject([
    {
      name: 'digits',
      logger: { url: 'http://message-dumper.default/', mode: 'request' },
      variants: [{ source: { kind: 'onnx' }, batching: { maxRows: 32 } }],
    },
    {
      name: 'sklearn-iris',
      variants: [
        {
          source: {
            remote: {
              url: 'http://sklearn-iris-predictor.kserve-test.svc.cluster.local',
              protocol: 'kserve-v1',
            },
          },
        },
      ],
    },
  ])
  const notes = String(plan['notes'])
  for (const word of ['canaryTrafficPercent', 'gs://kfserving', 'batcher.maxLatency', 'Secret'])
    expect(notes).toContain(word)
})

test('the text format: what is quoted, nested, listed and commented; and what is not of it is refused', () => {
  const message = parsePbtxt(
    `a: 'it''s' "\\n" b < c: -1.5e3 > d [ { e: TRUE_ENUM }, { } ] f: [] # end`
  )
  expect(message.get('a')).toEqual(['its\n'])
  expect(message.get('b')).toEqual([new Map([['c', [-1500]]])])
  expect(message.get('d')).toEqual([new Map([['e', ['TRUE_ENUM']]]), new Map()])
  expect(message.get('f')).toEqual([])
  for (const bad of ['a', 'a: {', 'a: }', '{', 'a: "x', 'a & b', 'a: [1'])
    expect(() => parsePbtxt(bad), bad).toThrow()
})
