import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const BIN = fileURLToPath(new URL('../../packages/cli/bin/trestle.mjs', import.meta.url))

/** A live Trestle as a program, on free ports of loopback. */
export async function startServer(
  dataDir: string,
  env: Readonly<Record<string, string>> = {},
  cwd = process.cwd()
): Promise<{ url: string; grpc: string; pid: number; stop: () => Promise<void> }> {
  const child = spawn(
    process.execPath,
    [BIN, 'serve', '--port', '0', '--grpc-port', '0', '--data', dataDir, '--log-level', 'error'],
    {
      cwd,
      stdio: ['ignore', 'pipe', 'inherit'],
      // Rollouts of a replay decide in seconds what takes hours elsewhere.
      env: { ...process.env, TRESTLE_ROLLOUT_LOOK_MS: '500', ...env },
    }
  )
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  const { url, pid, grpc = '' } = JSON.parse(line) as { url: string; pid: number; grpc?: string }
  return {
    url,
    grpc,
    pid,
    stop: async () => {
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}
