/** Load on one URL: as much as wrk gets through (closed loop), or at a fixed rate (open loop). */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export type Target = Readonly<{ url: string; body: string; contentType?: string }>

/** One POST; `status` 0 when there was no answer. */
export const post = (
  { url, body, headers = {} }: { url: string; body: string | Buffer; headers?: object },
  agent: Agent
): Promise<{ status: number; bytes: number }> =>
  new Promise((resolve) => {
    const outgoing = request(url, {
      agent,
      method: 'POST',
      headers: { 'content-length': Buffer.byteLength(body), ...headers },
    })
    outgoing.on('error', () => resolve({ status: 0, bytes: 0 }))
    outgoing.on('response', (answer) => {
      let bytes = 0
      answer.on('data', (part: Buffer) => (bytes += part.byteLength))
      answer.on('error', () => resolve({ status: 0, bytes }))
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, bytes }))
    })
    outgoing.end(body)
  })

/** Requests per second and latency at full load. Throws when an answer was not 2xx. */
export async function fullLoad(
  { url, body, contentType = 'application/json' }: Target,
  options: { connections: number; seconds: number }
): Promise<{ perSecond: number; requests: number; p99Ms: number }> {
  const folder = await mkdtemp(join(tmpdir(), 'trestle-wrk-'))
  const script = join(folder, 'post.lua')
  await writeFile(
    script,
    `wrk.method = "POST"
wrk.body = ${JSON.stringify(body)}
wrk.headers["content-type"] = ${JSON.stringify(contentType)}
done = function(summary, latency)
  io.write(string.format("RESULT %f %d %f %d\\n", summary.requests / summary.duration * 1e6, summary.requests, latency:percentile(99) / 1000, summary.errors.status + summary.errors.timeout))
end
`
  )
  const { stdout } = await run('wrk', [
    '-t1',
    `-c${options.connections}`,
    `-d${options.seconds}s`,
    '--timeout=10s',
    '-s',
    script,
    url,
  ])
  await rm(folder, { recursive: true })
  const [, perSecond = '', requests = '', p99 = '', errors = ''] =
    /RESULT (\S+) (\d+) (\S+) (\d+)/.exec(stdout) ?? []
  if (errors !== '0') throw new Error(`${url}: ${errors} requests failed\n${stdout}`)
  return { perSecond: Number(perSecond), requests: Number(requests), p99Ms: Number(p99) }
}

/** Latency when requests come at fixed times, whether or not the earlier ones were answered; measured from when each was due. */
export async function fixedRate(
  { url, body, contentType = 'application/json' }: Target,
  options: { perSecond: number; seconds: number }
): Promise<{ p50Ms: number; p99Ms: number }> {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 })
  const send = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const outgoing = request(url, {
        agent,
        method: 'POST',
        headers: { 'content-type': contentType, 'content-length': Buffer.byteLength(body) },
      })
      outgoing.on('error', reject)
      outgoing.on('response', (answer) => {
        if (answer.statusCode !== 200) reject(new Error(`${url}: ${answer.statusCode}`))
        answer.resume()
        answer.on('end', resolve)
      })
      outgoing.end(body)
    })
  const latencies: number[] = []
  const count = options.perSecond * options.seconds
  const begun = performance.now() + 50
  const sent: Promise<void>[] = []
  for (let i = 0; i < count; i++) {
    const due = begun + (i * 1000) / options.perSecond
    const wait = due - performance.now()
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
    sent.push(send().then(() => void latencies.push(performance.now() - due)))
  }
  await Promise.all(sent)
  agent.destroy()
  const sorted = latencies.toSorted((a, b) => a - b)
  const at = (q: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? NaN
  return { p50Ms: at(0.5), p99Ms: at(0.99) }
}
