import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'

const BIN = fileURLToPath(new URL('../../bin/trestle.mjs', import.meta.url))

export type Ran = { code: number; stdout: string; stderr: string }

export type TestServer = {
  url: string
  dataDir: string
  /** Runs the command line against this server, as a process of its own. */
  trestle: (args: readonly string[], environment?: Record<string, string>) => Promise<Ran>
  /** The exit code. */
  stop: () => Promise<number>
}

/** A server started as people start it. */
export async function startServer(): Promise<TestServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'trestle-cli-'))
  const server = spawn(
    process.execPath,
    [BIN, 'serve', '--host', '127.0.0.1', '--port', '0', '--data', dataDir, '--log-level', 'error'],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, TRESTLE_ROLLOUT_LOOK_MS: '200' },
    }
  )
  const [line] = (await once(createInterface({ input: server.stdout }), 'line')) as [string]
  const listening = JSON.parse(line) as { event: string; url: string; pid: number }
  expect(listening.event).toBe('listening')
  expect(listening.pid).toBe(server.pid) // the command became the server: signals reach it directly
  const { url } = listening
  return {
    url,
    dataDir,
    trestle: (args, environment = {}) =>
      new Promise((resolve) => {
        execFile(
          process.execPath,
          [BIN, ...args],
          { env: { ...process.env, TRESTLE_URL: url, ...environment } },
          (error, stdout, stderr) => {
            resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr })
          }
        ).stdin?.end()
      }),
    stop: async () => {
      const isOver = once(server, 'exit')
      server.kill('SIGTERM')
      const [code] = (await isOver) as [number]
      return code
    },
  }
}
