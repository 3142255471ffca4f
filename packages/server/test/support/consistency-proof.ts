import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { createClient } from '@trestle/sdk'
import { spawnServer, type ServerProcess } from './process.ts'
import { CARDS, streamManifest } from './stream-events.ts'

const WRITER = fileURLToPath(new URL('stream-writer.ts', import.meta.url))
const JOINED_AT_ONCE = 20_000

export type Proof = Readonly<{
  events: number
  reads: number
  values: number
  kills: Readonly<{ writer: number; server: number }>
  /** Values that were not what an as-known join at their instant gives. */
  differing: readonly Readonly<{
    card: string
    at: number
    feature: string
    served: unknown
    known: unknown
  }>[]
  seconds: number
}>

/**
 * Streams events with lateness and duplicates into a server while reading from it, kills the writer and the server with SIGKILL on the way, and then
 * joins every read again offline, as known at its instant.
 */
export async function proveConsistency(options: {
  dataDir: string
  events: number
  batch: number
  settings?: Record<string, string>
}): Promise<Proof> {
  const began = performance.now()
  const { dataDir, events, batch, settings = {} } = options
  const kills = { writer: 0, server: 0 }
  const served: { card: string; at: number; values: readonly unknown[] }[] = []
  let names: readonly string[] = []
  let acknowledged = 0
  let server = await spawnServer(dataDir, settings)
  await createClient({ url: server.url }).features.apply({ manifest: streamManifest })

  const write = (to: number): { child: ChildProcess; ended: Promise<unknown> } => {
    const child = spawn(
      process.execPath,
      [
        ...['--conditions=@trestle/source', WRITER, server.url],
        ...[String(acknowledged), String(to), String(batch)],
      ],
      { stdio: ['ignore', 'pipe', 'ignore'] }
    )
    createInterface({ input: child.stdout }).on('line', (line) => {
      acknowledged = Number(line.split(' ')[1])
    })
    return { child, ended: once(child, 'close') }
  }
  const readUntil = async (isOver: () => boolean): Promise<void> => {
    const client = createClient({ url: server.url, timeoutMs: 60_000 })
    for (let i = 0; !isOver(); i++) {
      const cards = Array.from({ length: 5 }, (_, k) => `card-${(i * 31 + k * 47) % CARDS}`)
      const answer = await client.features
        .online({ service: 'stream', rows: cards.map((card) => ({ card })) })
        .catch(() => null) // the server is being killed
      if (answer === null) continue
      names = answer.names
      cards.forEach((card, k) =>
        served.push({ card, at: answer.at, values: answer.values[k] ?? [] })
      )
    }
  }
  /** Writes and reads until `enough`, then kills. */
  const stage = async (
    to: number,
    enough: number,
    kill: 'writer' | 'server' | null
  ): Promise<void> => {
    const writer = write(to)
    let isOver = false
    const ended = writer.ended.then(() => (isOver = true))
    const reading = readUntil(() => isOver || (kill !== null && acknowledged >= enough))
    await Promise.race([reading, ended])
    if (kill === 'writer' && writer.child.exitCode === null) {
      kills.writer += Number(writer.child.kill('SIGKILL'))
    } else if (kill === 'server') {
      const dying: ServerProcess = server
      await dying.kill('SIGKILL')
      kills.server += 1
    }
    await ended
    await reading
    if (kill === 'server') server = await spawnServer(dataDir, settings)
  }

  await stage(events, events * 0.3, 'writer')
  await stage(events, events * 0.6, 'server')
  for (let attempt = 0; acknowledged < events && attempt < 5; attempt++)
    await stage(events, Infinity, null)
  if (acknowledged < events) throw new Error(`Only ${acknowledged} of ${events} events were taken`)

  const client = createClient({ url: server.url, timeoutMs: 600_000 })
  const differing: Proof['differing'][number][] = []
  for (let from = 0; from < served.length; from += JOINED_AT_ONCE) {
    const part = served.slice(from, from + JOINED_AT_ONCE)
    const { rows } = await client.features.historical({
      service: 'stream',
      rows: part.map(({ card, at }) => ({ card, event_timestamp: at })),
      mode: 'as-known',
    })
    part.forEach(({ card, at, values }, i) =>
      names.forEach((feature, j) => {
        const known = rows[i]?.[feature] ?? null
        if (known !== values[j]) differing.push({ card, at, feature, served: values[j], known })
      })
    )
  }
  await server.kill('SIGTERM')
  return {
    events,
    reads: served.length,
    values: served.length * names.length,
    kills,
    differing,
    seconds: (performance.now() - began) / 1000,
  }
}
