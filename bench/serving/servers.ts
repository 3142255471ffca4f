/** The servers that are compared, each as its own project documents it, on the same ONNX file with one thread for the model. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { createClient, type TrestleClient } from '@trestle/sdk'
import { pythonWith } from '../../conformance/lib/python.ts'
import type { Target } from './load.ts'

const MODEL = fileURLToPath(new URL('../../examples/payments-risk/models/v1.onnx', import.meta.url))
const BIN = fileURLToPath(new URL('../../packages/cli/bin/trestle.mjs', import.meta.url))
const INPUT = 'input'
const ROW: Readonly<Record<string, number>> = {
  amount: 120.5,
  country_mismatch: 0,
  hour: 14,
  channel: 1,
  tx_count_1h: 2,
  avg_amount_30d: 80.25,
  tx_count_24h: 5,
  card_age_days: 400,
  disputes_30d: 0,
  merchant_avg_amount_30d: 60.5,
  merchant_tx_count_30d: 900,
  merchant_fraud_rate_30d: 0.01,
}
const COLUMNS = Object.keys(ROW)
const BY_NAME = JSON.stringify(ROW)
/** Rows of it in the Open Inference Protocol. */
export const oipBody = (rows: number): string =>
  JSON.stringify({
    inputs: [{ ...INPUT_HEAD, shape: [rows, COLUMNS.length], data: valuesOf(rows) }],
  })
const INPUT_HEAD = { name: INPUT, datatype: 'FP32' }
const valuesOf = (rows: number): number[] =>
  Array.from({ length: rows }, () => Object.values(ROW)).flat()

/** One row as a gRPC message's fields. */
export const grpcRequest = {
  model_name: 'fraud',
  inputs: [{ ...INPUT_HEAD, shape: [1, COLUMNS.length], contents: { fp32_contents: valuesOf(1) } }],
}

export type Running = Readonly<{
  targets: Readonly<Record<string, Target>>
  stop: () => Promise<void>
}>

/** Bare node:http that parses and writes back the JSON of each protocol. */
export async function startEcho(): Promise<Running & { pid: number }> {
  const child = program(process.execPath, ['--conditions=@trestle/source', fileFor('echo.ts')])
  const { url } = await firstLine(child)
  return {
    pid: child.pid ?? 0,
    targets: {
      'echo of plain JSON': { url, body: BY_NAME },
      'echo of OIP JSON': { url, body: oipBody(1) },
    },
    stop: () => end(child),
  }
}

/** Trestle with everything on: validation, inference log, metrics, monitoring's counts, costs. */
export async function startTrestle(
  env: Readonly<Record<string, string>> = {}
): Promise<Running & { url: string; pid: number; grpc: string; client: TrestleClient }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'trestle-bench-'))
  const child = program(
    process.execPath,
    [
      ...[BIN, 'serve', '--port', '0', '--grpc-port', '0', '--data', dataDir],
      ...['--log-level', 'error'],
    ],
    { env }
  )
  const { url, grpc = '' } = await firstLine(child)
  const client = createClient({ url })
  await client.uploadModel('fraud', await readFile(MODEL), {
    signature: {
      inputs: COLUMNS.map((name) => ({ name, type: 'float' })),
      outputs: [
        { name: 'label', type: 'long' },
        { name: 'score', type: 'float' },
      ],
    },
  })
  await client.serving.createEndpoint({ name: 'fraud', model: 'fraud/1' })
  return {
    url,
    grpc,
    client,
    pid: child.pid ?? 0,
    targets: {
      'Trestle, plain JSON': { url: `${url}/endpoints/fraud/predict`, body: BY_NAME },
      'Trestle, OIP': { url: `${url}/v2/models/fraud/infer`, body: oipBody(1) },
    },
    stop: async () => {
      await end(child)
      await rm(dataDir, { recursive: true })
    },
  }
}

type Peer = Readonly<{
  folder: string
  command: (at: {
    bin: string
    port: number
    grpcPort: number
    scratch: string
  }) => Promise<[string, string[]]>
  target: (port: number) => Target
  /** Whether it speaks the Open Inference Protocol over gRPC. */
  hasGrpc?: true
}>

const PEERS: Readonly<Record<string, Peer>> = {
  MLServer: {
    folder: 'mlserver',
    hasGrpc: true,
    command: async ({ bin, port, grpcPort, scratch }) => {
      await writeFile(
        join(scratch, 'settings.json'),
        JSON.stringify({
          host: '127.0.0.1',
          http_port: port,
          grpc_port: grpcPort,
          metrics_port: await freePort(),
          // In its server process: faster for so small a model than the worker that is its default.
          parallel_workers: 0,
        })
      )
      await writeFile(
        join(scratch, 'model-settings.json'),
        JSON.stringify({ name: 'fraud', implementation: 'model.Fraud' })
      )
      return [join(bin, 'mlserver'), ['start', scratch]]
    },
    target: (port) => ({
      url: `http://127.0.0.1:${port}/v2/models/fraud/infer`,
      body: oipBody(1),
    }),
  },
  BentoML: {
    folder: 'bentoml',
    command: async ({ bin, port }) => [
      join(bin, 'bentoml'),
      ['serve', 'service:Fraud', '--host', '127.0.0.1', '--port', String(port)],
    ],
    target: (port) => ({ url: `http://127.0.0.1:${port}/predict`, body: `{"row":${BY_NAME}}` }),
  },
  KServe: {
    folder: 'kserve',
    hasGrpc: true,
    command: async ({ bin, port, grpcPort }) => [
      join(bin, 'python'),
      ['serve.py', `--http_port=${port}`, `--grpc_port=${grpcPort}`],
    ],
    target: (port) => ({
      url: `http://127.0.0.1:${port}/v2/models/fraud/infer`,
      body: oipBody(1),
    }),
  },
  'Ray Serve': {
    folder: 'ray',
    command: async ({ bin, port }) => [join(bin, 'python'), ['serve.py', String(port)]],
    target: (port) => ({ url: `http://127.0.0.1:${port}/predict`, body: BY_NAME }),
  },
  'mlflow models serve': {
    folder: 'mlflow',
    command: async ({ bin, port, scratch }) => {
      const made = join(scratch, 'model')
      const make = program(join(bin, 'python'), ['make.py', made], {
        folder: fileFor('peers/mlflow/'),
      })
      await once(make, 'exit')
      return [
        join(bin, 'mlflow'),
        [
          'models',
          'serve',
          '-m',
          made,
          '--env-manager',
          'local',
          '-h',
          '127.0.0.1',
          '-p',
          String(port),
        ],
      ]
    },
    target: (port) => ({
      url: `http://127.0.0.1:${port}/invocations`,
      body: JSON.stringify({ inputs: { [INPUT]: [Object.values(ROW)] } }),
    }),
  },
}

export const peerNames = Object.keys(PEERS)

export const grpcPeerNames = peerNames.filter((name) => PEERS[name]?.hasGrpc === true)

export async function startPeer(name: string): Promise<Running & { pid: number; grpc: string }> {
  const peer = PEERS[name]
  if (peer === undefined) throw new Error(`No peer "${name}"; there are ${peerNames.join(', ')}`)
  const folder = fileFor(`peers/${peer.folder}/`)
  const python = await pythonWith(join(folder, 'requirements.txt'))
  const scratch = await mkdtemp(join(tmpdir(), 'trestle-peer-'))
  const [port, grpcPort] = [await freePort(), await freePort()]
  const [command, args] = await peer.command({ bin: join(python, '..'), port, grpcPort, scratch })
  const child = program(command, args, { folder })
  const target = peer.target(port)
  await answers(target, child)
  return {
    pid: child.pid ?? 0,
    grpc: `127.0.0.1:${grpcPort}`,
    targets: { [name]: target },
    stop: async () => {
      await end(child)
      await rm(scratch, { recursive: true })
    },
  }
}

const fileFor = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** In a process group of its own: some peers leave workers behind when only their first process is ended. */
function program(
  command: string,
  args: string[],
  { folder, env = {} }: { folder?: string; env?: Readonly<Record<string, string>> } = {}
): ChildProcess {
  return spawn(command, args, {
    detached: true,
    ...(folder === undefined ? {} : { cwd: folder }),
    stdio: ['ignore', 'pipe', 'ignore'],
    env: {
      ...process.env,
      PATH: `${join(command, '..')}:${process.env['PATH'] ?? ''}`,
      PYTHONPATH: folder ?? '',
      BENCH_MODEL: MODEL,
      BENCH_COLUMNS: JSON.stringify(COLUMNS),
      OMP_NUM_THREADS: '1',
      BENTOML_DO_NOT_TRACK: 'True',
      RAY_USAGE_STATS_ENABLED: '0',
      ...env,
    },
  })
}

async function firstLine(child: ChildProcess): Promise<{ url: string; grpc?: string }> {
  if (child.stdout === null) throw new Error('no output')
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  return JSON.parse(line) as { url: string; grpc?: string }
}

async function answers(target: Target, child: ChildProcess): Promise<void> {
  child.stdout?.resume()
  let said = ''
  for (let tries = 0; tries < 600; tries++) {
    if (child.exitCode !== null) throw new Error(`${child.spawnfile} ended with ${child.exitCode}`)
    const answer = await fetch(target.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: target.body,
    }).catch(() => null)
    if (answer?.ok === true) return
    if (answer !== null) said = `${answer.status} ${await answer.text()}`
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  await end(child)
  throw new Error(`${target.url} did not answer within two minutes; the last word was: ${said}`)
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null) return
  process.kill(-child.pid, 'SIGTERM')
  const timer = setTimeout(() => process.kill(-(child.pid ?? 0), 'SIGKILL'), 10_000)
  await once(child, 'exit')
  clearTimeout(timer)
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}
