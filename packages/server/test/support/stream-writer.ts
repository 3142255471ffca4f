/**
 * A stream of events into a server, as a process of its own, so that it can be killed: `stream-writer.ts <url> <from> <to> <batch>`. Events are made of their
 * numbers, so that a writer that begins again sends the same ones. A tenth comes late, by up to five minutes, and a twentieth is sent twice.
 * Prints `acknowledged <n>` after each batch.
 */
import { createClient } from '@trestle/sdk'
import { eventOf } from './stream-events.ts'

const [url = '', from = '0', to = '0', size = '200'] = process.argv.slice(2)
const client = createClient({ url, timeoutMs: 60_000 })
for (let n = Number(from); n < Number(to); n += Number(size)) {
  const events = Array.from({ length: Math.min(Number(size), Number(to) - n) }, (_, i) => n + i)
  const rows = events.flatMap((i) => (i % 20 === 7 ? [eventOf(i), eventOf(i)] : [eventOf(i)]))
  await client.features.push({ pushSource: 'payments', rows })
  process.stdout.write(`acknowledged ${n + events.length}\n`)
}
