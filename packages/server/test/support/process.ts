import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export type ServerProcess = Readonly<{
  url: string
  pid: number
  child: ChildProcess
  kill: (signal: NodeJS.Signals) => Promise<number | null>
}>

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

/** The real server as a process of its own, on a free port. Resolves when it listens. */
export async function spawnServer(
  dataDir: string,
  settings: Record<string, string> = {}
): Promise<ServerProcess> {
  const child = spawn(process.execPath, ['--conditions=@trestle/source', MAIN], {
    env: {
      PATH: process.env['PATH'],
      TRESTLE_DATA: dataDir,
      TRESTLE_PORT: '0',
      TRESTLE_LOG_LEVEL: 'error',
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let complaints = ''
  child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()))
  const lines = createInterface({ input: child.stdout })
  const first = await Promise.race([once(lines, 'line'), once(child, 'exit').then(() => null)])
  if (first === null) throw new Error(`The server ended before it listened:\n${complaints}`)
  const { url } = JSON.parse(String(first[0])) as { url: string }
  return {
    url,
    pid: child.pid ?? 0,
    child,
    kill: async (signal) => {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
      const ended = once(child, 'exit')
      child.kill(signal)
      await ended
      return child.exitCode
    },
  }
}
