/**
 * Everything that README.md has tables of, one after another, ready to be put there: `npm run bench:serving [-- none | MLServer …]`. A quarter of an hour
 * once the peers are installed. Needs Linux, wrk and python3.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpus, loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'

const PARTS = [
  { title: 'REST', file: 'rest.ts', args: process.argv.slice(2) },
  {
    title: 'gRPC',
    file: 'grpc.ts',
    args: process.argv.slice(2).filter((name) => /none|MLServer|KServe/.test(name)),
  },
  { title: 'Processor time of a request', file: 'cpu.ts', args: [] },
  { title: 'Promises', file: 'proofs.ts', args: [] },
]

console.log(`${cpus()[0]?.model ?? 'a processor'}, ${cpus().length} of it, Node ${process.version}`)
for (const { title, file, args } of PARTS) {
  console.log(`\n## ${title} (load average ${loadavg()[0]?.toFixed(1) ?? ''})\n`)
  const script = fileURLToPath(new URL(file, import.meta.url))
  const child = spawn(process.execPath, ['--conditions=@trestle/source', script, ...args], {
    stdio: 'inherit',
  })
  const [code] = (await once(child, 'exit')) as [number]
  if (code !== 0) process.exitCode = 1
}
