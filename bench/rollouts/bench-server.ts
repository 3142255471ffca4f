import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { createClient, type TrestleClient } from '@trestle/sdk'

export type BenchServer = Readonly<{
  url: string
  client: TrestleClient
  /** Resident memory of the server, in MiB. */
  memoryMiB: () => Promise<number>
  stop: () => Promise<void>
}>

const fixture = (name: string): URL =>
  new URL(`../../packages/server/src/modules/serving/fixtures/${name}.onnx`, import.meta.url)

/**
 * A server with a model of four versions: 1 and 2 look any of eight numbers up, 3 fails on half of them, 4 never answers. A process of its own, so that
 * the load is not measured with it.
 */
export async function startBenchServer(): Promise<BenchServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'trestle-bench-'))
  const child = spawn(
    process.execPath,
    ['--conditions=@trestle/source', fileURLToPath(new URL('server.ts', import.meta.url))],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        PATH: process.env['PATH'],
        TRESTLE_DATA: dataDir,
        TRESTLE_PORT: '0',
        TRESTLE_LOG_LEVEL: 'fatal',
        // A model that never answers can't be unloaded: stopping does not wait for it.
        TRESTLE_DRAIN_TIMEOUT_MS: '300',
      },
    }
  )
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  const { url } = JSON.parse(line) as { url: string }
  const client = createClient({ url })
  const wide = await readFile(fixture('lookup_wide'))
  // Field 6 of an ONNX model is its description: other bytes, the same graph.
  const stalling = Buffer.concat([wide, Buffer.from([0x32, 5]), Buffer.from('stall')])
  for (const file of [wide, wide, await readFile(fixture('lookup')), stalling])
    await client.uploadModel('lookup', file)
  return {
    url,
    client,
    async memoryMiB() {
      const status = await readFile(`/proc/${child.pid ?? 0}/status`, 'utf8')
      return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? NaN) / 1_024
    },
    async stop() {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}
