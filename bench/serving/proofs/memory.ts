import { readFile } from 'node:fs/promises'
import { lookupModel } from '../onnx-model.ts'
import { startTrestle } from '../servers.ts'
import { size, type Proof } from './proof.ts'

const MB = 1_000_000
/** What the engines take at their first use. */
const SLACK = 250 * MB

/** More models than fit take turns; what they hold is given back. */
export const memory: Proof = {
  name: 'models beyond the memory limit take turns, and give their memory back',
  async run() {
    const models = size('BENCH_MEMORY_MODELS', 8)
    const bytes = size('BENCH_MEMORY_MODEL_MB', 20) * MB
    const limit = size('BENCH_MEMORY_LIMIT_MB', 80) * MB
    const server = await startTrestle({ TRESTLE_MODEL_MEMORY_BYTES: String(limit) })
    const rss = async (): Promise<number> =>
      Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${server.pid}/status`, 'utf8'))?.[1]) *
      1_024
    const { client, url } = server
    const ask = async (name: string): Promise<boolean> => {
      const body = JSON.stringify({
        inputs: [{ name: 'x', datatype: 'INT64', shape: [1], data: [1] }],
      })
      const answer = await fetch(`${url}/v2/models/${name}/infer`, { method: 'POST', body })
      await answer.arrayBuffer()
      return answer.ok
    }
    try {
      const names = Array.from({ length: models }, (_, i) => `table${i}`)
      const file = lookupModel(bytes)
      const before = await rss()
      let [failed, peak] = [0, 0]
      for (const name of names) {
        await client.uploadModel(name, file)
        await client.serving.createEndpoint({ name, model: `${name}/1` })
        peak = Math.max(peak, await rss())
      }
      for (let round = 0; round < 2; round++)
        for (const name of names) {
          if (!(await ask(name))) failed++
          peak = Math.max(peak, await rss())
        }
      for (const name of names) await client.serving.deleteEndpoint({ endpoint: name })
      await new Promise((resolve) => setTimeout(resolve, 2_000))
      const after = await rss()
      const inMb = (value: number): string => `${Math.round(value / MB)} MB`
      return {
        measured: `${models} models of ${inMb(bytes)} under ${inMb(limit)}: ${failed} of ${2 * models} calls failed; resident ${inMb(before)}, at most ${inMb(peak)}, in the end ${inMb(after)}`,
        // The file is read beside the model that it becomes, one model is let go while the next comes, and uploads pass through.
        holds:
          failed === 0 &&
          peak - before < limit + 4 * bytes + SLACK &&
          after - before < limit / 2 + SLACK,
      }
    } finally {
      await server.stop()
    }
  },
}
