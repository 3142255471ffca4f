/**
 * Single rows over REST, side by side: a bare node:http echo, Trestle, and the peers named (all by default), on the same ONNX file.
 * `npm run bench:rest [-- MLServer BentoML …]`, or `-- none` for the echo alone. Needs wrk and python3. Medians of the rounds; each round visits every server once.
 */
import { median } from '../lib/statistics.ts'
import { fixedRate, fullLoad, type Target } from './load.ts'
import { peerNames, startEcho, startPeer, startTrestle, type Running } from './servers.ts'

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 5)
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 3)
const CONNECTIONS = 16

const asked = process.argv.slice(2)
const wanted = asked.includes('none') ? [] : asked.length > 0 ? asked : peerNames

const measured = new Map<string, { perSecond: number[]; p99Ms: number[]; atRate: number[] }>()
const entry = (name: string) => {
  const known = measured.get(name) ?? { perSecond: [], p99Ms: [], atRate: [] }
  measured.set(name, known)
  return known
}

const running: Running[] = [await startEcho(), await startTrestle()]
try {
  for (const name of wanted) running.push(await startPeer(name))
  const targets = running.flatMap((server) => Object.entries(server.targets))
  for (const [, target] of targets) await fullLoad(target, { connections: CONNECTIONS, seconds: 2 })
  for (let round = 0; round < ROUNDS; round++)
    for (const [name, target] of targets) {
      const { perSecond, p99Ms } = await fullLoad(target, {
        connections: CONNECTIONS,
        seconds: SECONDS,
      })
      entry(name).perSecond.push(perSecond)
      entry(name).p99Ms.push(p99Ms)
    }
  await compareAtOneRate(targets)
  report()
} finally {
  for (const server of running) await server.stop()
}

/** Half of what the slowest gets through, so that all of them can keep up. */
async function compareAtOneRate(targets: readonly [string, Target][]): Promise<void> {
  const slowest = Math.min(...[...measured.values()].map((m) => median(m.perSecond)))
  const perSecond = Math.max(20, Math.floor(slowest / 2))
  console.log(`Latency at ${perSecond} requests/s each.`)
  for (let round = 0; round < 3; round++)
    for (const [name, target] of targets)
      entry(name).atRate.push((await fixedRate(target, { perSecond, seconds: SECONDS })).p99Ms)
}

function report(): void {
  const best = Math.max(...wanted.map((name) => median(measured.get(name)?.perSecond ?? [0])))
  console.log(
    `| server | requests/s | of the echo | times the best peer | p99 full load | p99 at one rate |\n|---|---|---|---|---|---|`
  )
  for (const [name, m] of measured) {
    const perSecond = median(m.perSecond)
    const echo = measured.get(name.includes('OIP') ? 'echo of OIP JSON' : 'echo of plain JSON')
    const share = perSecond / median(echo?.perSecond ?? [NaN])
    console.log(
      `| ${name} | ${perSecond.toFixed(0)} | ${share.toFixed(2)} | ${best > 0 ? (perSecond / best).toFixed(1) : ''} | ${median(m.p99Ms).toFixed(2)} ms | ${median(m.atRate).toFixed(2)} ms |`
    )
  }
}
