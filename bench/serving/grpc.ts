/**
 * Single rows over gRPC, side by side: Trestle and the peers that speak the Open Inference Protocol over it, on the same ONNX file.
 * `npm run bench:grpc [-- MLServer KServe]`, or `-- none` for Trestle alone. Medians of the rounds; each round visits every server once.
 */
import { median } from '../lib/statistics.ts'
import { encodeInfer, grpcLoad } from './grpc-load.ts'
import { processorUs } from './processor.ts'
import { grpcPeerNames, grpcRequest, startPeer, startTrestle } from './servers.ts'

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 5)
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 3)
const CONCURRENT = 16

const asked = process.argv.slice(2)
const wanted = asked.includes('none') ? [] : asked.length > 0 ? asked : grpcPeerNames
const frame = await encodeInfer(grpcRequest)
const servers = new Map([['Trestle', await startTrestle()]]) as Map<
  string,
  { pid: number; grpc: string; stop: () => Promise<void> }
>
try {
  for (const name of wanted) servers.set(name, await startPeer(name))
  const measured = new Map<string, { perSecond: number[]; p99Ms: number[]; us: number[] }>()
  for (let round = -1; round < ROUNDS; round++)
    for (const [name, { pid, grpc: address }] of servers) {
      const before = processorUs(pid).all
      const options = { concurrent: CONCURRENT, seconds: SECONDS }
      const { perSecond, requests, p99Ms } = await grpcLoad({ address, frame }, options)
      const known = measured.get(name) ?? { perSecond: [], p99Ms: [], us: [] }
      measured.set(name, known)
      if (round < 0) continue // warms up
      known.perSecond.push(perSecond)
      known.p99Ms.push(p99Ms)
      known.us.push((processorUs(pid).all - before) / requests)
    }
  const rate = (name: string): number => median(measured.get(name)?.perSecond ?? [0])
  const best = Math.max(...wanted.map(rate))
  console.log(
    '| server, gRPC | requests/s | times the best peer | p99 full load | processor a call |\n|---|---|---|---|---|'
  )
  for (const [name, { p99Ms, us }] of measured)
    console.log(
      `| ${name} | ${rate(name).toFixed(0)} | ${best > 0 ? (rate(name) / best).toFixed(1) : ''} | ${median(p99Ms).toFixed(2)} ms | ${median(us).toFixed(0)} µs |`
    )
} finally {
  for (const server of servers.values()) await server.stop()
}
