/**
 * The consistency proof at size: `npx node --conditions=@trestle/source bench/features/proof.ts [events]`, 1,000,000 unless said otherwise. Streams them with
 * lateness and duplicates into a server while it is read, kills the writer and the server on the way, and joins every read again, as known.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { proveConsistency } from '../../packages/server/test/support/consistency-proof.ts'

const dataDir = await mkdtemp(join(tmpdir(), 'trestle-proof-'))
const proof = await proveConsistency({
  dataDir,
  events: Number(process.argv[2] ?? 1_000_000),
  batch: 1_000,
})
const { events, reads, values, kills, differing, seconds } = proof
console.log(
  `${events} events in ${seconds.toFixed(0)} s, writer killed ${kills.writer} and server ${kills.server} times; ${reads} reads, ${values} values: ${values - differing.length} as known, ${differing.length} differ`
)
for (const one of differing.slice(0, 10)) console.log(JSON.stringify(one))
process.exitCode = differing.length === 0 && reads > 0 ? 0 : 1
await rm(dataDir, { recursive: true, force: true })
