import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pythonWith } from '../../conformance/lib/python.ts'

export const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

export type Server = {
  name: string
  url: string
  agent: Agent
  /** Where its database and files lie. */
  folder: string
  runs: string[]
  stop: () => Promise<void>
}

export const post = (server: Server, path: string, body: object): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const text = JSON.stringify(body)
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
    }
    const call = request(
      `${server.url}/api/2.0/mlflow/${path}`,
      { method: 'POST', agent: server.agent, headers },
      (answer) => {
        let got = ''
        answer.setEncoding('utf8')
        answer.on('data', (chunk: string) => (got += chunk))
        answer.on('end', () => {
          if (answer.statusCode === 200) resolve(JSON.parse(got))
          else
            reject(
              new Error(`${server.name} ${path}: ${answer.statusCode ?? 0} ${got.slice(0, 200)}`)
            )
        })
      }
    )
    call.on('error', reject)
    call.end(text)
  })

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

export async function start(
  name: string,
  command: (port: number, folder: string) => [string, string[]]
): Promise<Server> {
  const port = await freePort()
  const folder = await mkdtemp(join(tmpdir(), 'bench-tracking-'))
  const [program, args] = command(port, folder)
  const child: ChildProcess = spawn(program, args, { stdio: 'ignore', cwd: folder, detached: true })
  const url = `http://127.0.0.1:${port}`
  for (let i = 0; ; i++) {
    if (
      await fetch(`${url}/health`).then(
        (r) => r.ok,
        () => false
      )
    )
      break
    if (i > 600) throw new Error(`${name} did not start`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  const server: Server = {
    name,
    url,
    agent: new Agent({ keepAlive: true, maxSockets: 16 }),
    folder,
    runs: [],
    stop: async () => {
      if (child.pid !== undefined) process.kill(-child.pid) // with its workers
      await new Promise((resolve) => child.once('exit', resolve))
      await rm(folder, { recursive: true, force: true })
    },
  }
  return server
}

/** Trestle and `mlflow server` with its default workers; each on its own SQLite in a fresh folder, or on a fresh PostgreSQL database each. */
export async function startBoth(databases?: { trestle: string; mlflow: string }): Promise<{
  trestle: Server
  mlflow: Server
  python: string
}> {
  const python = await pythonWith(here('../../conformance/mlflow/requirements.txt'))
  const trestle = await start('Trestle', (port, folder) => [
    'env',
    [
      `DATABASE_URL=${databases?.trestle ?? ''}`,
      process.execPath,
      here('../../packages/cli/bin/trestle.mjs'),
      ...['serve', '--port', String(port), '--data', join(folder, 'data'), '--log-level', 'error'],
    ],
  ])
  const mlflow = await start('mlflow server', (port, folder) => [
    join(dirname(python), 'mlflow'),
    [
      ...['server', '--host', '127.0.0.1', '--port', String(port)],
      '--backend-store-uri',
      databases?.mlflow.replace(/^postgres:/, 'postgresql+psycopg2:') ??
        `sqlite:///${join(folder, 'm.db')}`,
      '--artifacts-destination',
      join(folder, 'artifacts'),
    ],
  ])
  return { trestle, mlflow, python }
}
