import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-port.ts'

const BINARY = '/usr/bin/prometheus'

/** Whether a real Prometheus is on this machine. In CI it must be. */
export async function hasPrometheus(): Promise<boolean> {
  const isThere = await access(BINARY).then(
    () => true,
    () => false
  )
  if (!isThere && process.env['CI'] !== undefined)
    throw new Error('CI needs Prometheus: install prometheus')
  return isThere
}

/** A real Prometheus on a free port that scrapes one server every second. */
export async function startPrometheus(
  target: string
): Promise<{ url: string; stop: () => Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'trestle-prometheus-'))
  const { host } = new URL(target)
  await writeFile(
    join(directory, 'prometheus.yml'),
    `global: { scrape_interval: 1s, scrape_timeout: 1s }\nscrape_configs:\n  - job_name: trestle\n    static_configs: [{ targets: ['${host}'] }]\n`
  )
  const port = await freePort()
  const server = spawn(
    BINARY,
    [
      `--config.file=${join(directory, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=error',
    ],
    { stdio: 'ignore' }
  )
  const url = `http://127.0.0.1:${port}`
  const stop = async (): Promise<void> => {
    if (server.exitCode === null) {
      const ended = once(server, 'exit')
      server.kill('SIGTERM')
      await ended
    }
    await rm(directory, { recursive: true, force: true })
  }
  for (let i = 0; i < 200; i++) {
    const response = await fetch(`${url}/-/ready`).catch(() => null)
    if (response?.ok === true) return { url, stop }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  await stop()
  throw new Error('Prometheus did not become ready within 10 s')
}
