import { readFile } from 'node:fs/promises'
import { Agent } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { fullLoad, post } from '../load.ts'
import { startTrestle } from '../servers.ts'
import { inLoops, size, type Proof } from './proof.ts'

const CLIENTS = 16

/** Memory over time at a steady load; the first fifth warms up. */
export const soak: Proof = {
  name: 'memory stays flat at 80 % load',
  async run() {
    const seconds = size('BENCH_SOAK_SECONDS', 30)
    const server = await startTrestle()
    const target = server.targets['Trestle, plain JSON']
    if (target === undefined) throw new Error('no target')
    const samples: { at: number; mb: number }[] = []
    try {
      const full = await fullLoad(target, { connections: 16, seconds: 5 })
      // The load is made here: more than this takes a processor of its own.
      const perSecond = Math.floor(Math.min(0.8 * full.perSecond, 4_000))
      const begun = performance.now()
      const timer = setInterval(() => {
        void readFile(`/proc/${server.pid}/status`, 'utf8').then((status) =>
          samples.push({
            at: (performance.now() - begun) / 1_000,
            mb: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1_000,
          })
        )
      }, 1_000)
      const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS })
      let [answered, failed] = [0, 0]
      // Each client waits for its answer before it asks again: a slow moment must not pile up requests here.
      await inLoops(CLIENTS, async () => {
        const due = begun + (answered++ * 1_000) / perSecond
        if (due > begun + seconds * 1_000 || performance.now() > begun + seconds * 1_000)
          return false
        const wait = due - performance.now()
        if (wait > 0) await sleep(wait)
        if ((await post(target, agent)).status !== 200) failed++
        return true
      })
      agent.destroy()
      clearInterval(timer)
      const late = samples.filter(({ at }) => at > seconds / 5)
      const { perMinute, error } = slope(late)
      const last = late.at(-1)?.mb ?? NaN
      return {
        measured: `${seconds} s at ${(answered / seconds).toFixed(0)}/s, ${failed} failed; resident ${last.toFixed(0)} MB in the end, ${perMinute.toFixed(2)} ± ${error.toFixed(2)} MB a minute`,
        holds: failed === 0 && perMinute - 2 * error < 0.01 * last,
      }
    } finally {
      await server.stop()
    }
  },
}

/** Least squares, with the standard error of the slope. */
function slope(points: readonly { at: number; mb: number }[]): {
  perMinute: number
  error: number
} {
  const n = points.length
  const mean = (of: (point: { at: number; mb: number }) => number): number =>
    points.reduce((sum, point) => sum + of(point), 0) / n
  const [at, mb] = [mean((p) => p.at), mean((p) => p.mb)]
  const spread = points.reduce((sum, p) => sum + (p.at - at) ** 2, 0)
  const perSecond = points.reduce((sum, p) => sum + (p.at - at) * (p.mb - mb), 0) / spread
  const rest = points.reduce((sum, p) => sum + (p.mb - mb - perSecond * (p.at - at)) ** 2, 0)
  return { perMinute: perSecond * 60, error: Math.sqrt(rest / (n - 2) / spread) * 60 }
}
