import { Agent } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { post } from '../load.ts'
import { startTrestle } from '../servers.ts'
import { inLoops, size, type Proof } from './proof.ts'

/** Requests go on while versions are loaded, take the traffic and are unloaded, about one swap a second. */
export const swaps: Proof = {
  name: 'no request fails while versions are loaded, swapped and unloaded',
  async run() {
    const wanted = size('BENCH_SWAP_REQUESTS', 10_000)
    const { client, targets, stop } = await startTrestle()
    const agent = new Agent({ keepAlive: true, maxSockets: 32 })
    const target = targets['Trestle, plain JSON']
    let [sent, failed, swapped] = [0, 0, 0]
    let isOver = false
    const swap = async (): Promise<void> => {
      for (let i = 2; !isOver; i++) {
        const variant = `v${i}`
        await client.serving.addVariant({ endpoint: 'fraud', variant, model: 'fraud/1' })
        await client.serving.setTraffic({
          endpoint: 'fraud',
          weights: [{ variant, basisPoints: 10_000 }],
        })
        await client.serving.removeVariant({ endpoint: 'fraud', variant: `v${i - 1}` })
        swapped++
        await sleep(600)
      }
    }
    const swapping = swap()
    try {
      await inLoops(32, async () => {
        if (sent++ >= wanted || target === undefined) return false
        if ((await post(target, agent)).status !== 200) failed++
        return true
      })
    } finally {
      isOver = true
      await swapping
      agent.destroy()
      await stop()
    }
    return {
      measured: `${wanted} requests, ${swapped} swaps, ${failed} failed`,
      holds: failed === 0 && swapped > 0,
    }
  },
}
