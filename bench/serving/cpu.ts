/**
 * Processor time per request, by the kernel's own count: it holds on a busy machine, where requests per second do not.
 * `npm run bench:cpu`. Needs Linux and wrk. The main thread is what limits a server's requests per second; the others (log writer, garbage collector) run beside it.
 */
import { median } from '../lib/statistics.ts'
import { fullLoad, type Target } from './load.ts'
import { processorUs } from './processor.ts'
import { startEcho, startTrestle } from './servers.ts'

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 5)
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 2)
const CONNECTIONS = 16

const echo = await startEcho()
const trestle = await startTrestle()
try {
  const targets = [echo, trestle].flatMap(({ pid, targets }) =>
    Object.entries(targets).map(([name, target]) => ({ name, pid, target }))
  )
  for (const { target } of targets) await fullLoad(target, { connections: CONNECTIONS, seconds: 3 })
  const spent = new Map<string, Spent[]>()
  for (let round = 0; round < ROUNDS; round++)
    for (const { name, pid, target } of targets)
      spent.set(name, [...(spent.get(name) ?? []), await measure(pid, target)])
  console.log(
    '| server | main thread, µs a request | all threads | the echo’s share |\n|---|---|---|---|'
  )
  for (const [name, rounds] of spent) {
    const main = median(rounds.map((round) => round.mainUs))
    const all = median(rounds.map((round) => round.allUs))
    const floor = spent.get(name.includes('OIP') ? 'echo of OIP JSON' : 'echo of plain JSON') ?? []
    const share = median(floor.map((round) => round.mainUs)) / main
    console.log(`| ${name} | ${main.toFixed(1)} | ${all.toFixed(1)} | ${share.toFixed(2)} |`)
  }
} finally {
  await echo.stop()
  await trestle.stop()
}

type Spent = Readonly<{ mainUs: number; allUs: number }>

async function measure(pid: number, target: Target): Promise<Spent> {
  const before = processorUs(pid)
  const { requests } = await fullLoad(target, { connections: CONNECTIONS, seconds: SECONDS })
  const after = processorUs(pid)
  return {
    mainUs: (after.main - before.main) / requests,
    allUs: (after.all - before.all) / requests,
  }
}
