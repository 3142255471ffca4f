import { Agent } from 'node:http'
import { post } from '../load.ts'
import { denseModel } from '../onnx-model.ts'
import { startTrestle } from '../servers.ts'
import { inLoops, size, type Proof } from './proof.ts'

const CLIENTS = 64
/** Deep and narrow, as recurrent networks and long pipelines are: a run takes about 5 ms, for one row nearly as for many. */
const WIDTH = 64
const LAYERS = 3_500

/** The same clients of the same model, with requests run together and one by one. */
export const batching: Proof = {
  name: 'batching serves 64 clients at least 3 times as fast as running one by one',
  async run() {
    const seconds = size('BENCH_BATCHING_SECONDS', 5)
    const rate = async (maxRows: number): Promise<number> => {
      const server = await startTrestle()
      const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS })
      try {
        await server.client.uploadModel('dense', denseModel({ width: WIDTH, layers: LAYERS }))
        await server.client.serving.createEndpoint({
          name: 'dense',
          model: 'dense/1',
          batching: { maxRows },
        })
        const data = new Float32Array(WIDTH).fill(1)
        const head = JSON.stringify({
          inputs: [
            {
              name: 'x',
              datatype: 'FP32',
              shape: [1, WIDTH],
              parameters: { binary_data_size: data.byteLength },
            },
          ],
          parameters: { binary_data_output: true },
        })
        const body = Buffer.concat([Buffer.from(head), Buffer.from(data.buffer)])
        const headers = { 'inference-header-content-length': String(head.length) }
        const until = performance.now() + seconds * 1_000
        let answered = 0
        await inLoops(CLIENTS, async () => {
          if (performance.now() >= until) return false
          const { status } = await post(
            { url: `${server.url}/v2/models/dense/infer`, body, headers },
            agent
          )
          if (status !== 200) throw new Error(`answered ${status}`)
          answered++
          return true
        })
        return answered / seconds
      } finally {
        agent.destroy()
        await server.stop()
      }
    }
    const [alone, together] = [await rate(1), await rate(64)]
    return {
      measured: `a run of ${(1_000 / alone).toFixed(1)} ms: ${together.toFixed(0)}/s together, ${alone.toFixed(0)}/s one by one: ${(together / alone).toFixed(1)} times`,
      holds: together >= 3 * alone,
    }
  },
}
