import { Agent } from 'node:http'
import { post } from '../load.ts'
import { identityModel } from '../onnx-model.ts'
import { processorUs } from '../processor.ts'
import { startTrestle } from '../servers.ts'
import { inLoops, size, type Proof } from './proof.ts'

const TENSOR_BYTES = 16 * 1_024 * 1_024

/** Binary tensors through a model that gives them back; bytes are counted on both ways. */
export const tensors: Proof = {
  name: 'binary tensors go through at 1 GB/s or more',
  async run() {
    const calls = size('BENCH_TENSOR_CALLS', 60)
    const server = await startTrestle()
    const agent = new Agent({ keepAlive: true })
    try {
      await server.client.uploadModel('identity', identityModel())
      await server.client.serving.createEndpoint({ name: 'identity', model: 'identity/1' })
      const shape = [1_024, TENSOR_BYTES / 4_096]
      const head = JSON.stringify({
        inputs: [
          {
            name: 'x',
            datatype: 'FP32',
            shape,
            parameters: { binary_data_size: TENSOR_BYTES },
          },
        ],
        parameters: { binary_data_output: true },
      })
      const body = Buffer.concat([Buffer.from(head), Buffer.alloc(TENSOR_BYTES)])
      const url = `${server.url}/v2/models/identity/infer`
      const headers = { 'inference-header-content-length': head.length }
      const call = async (): Promise<number> => {
        const { status, bytes } = await post({ url, body, headers }, agent)
        if (status !== 200) throw new Error(`answered ${status}`)
        return bytes
      }
      for (let i = 0; i < 3; i++) await call()
      let [left, moved] = [calls, 0]
      const [begun, spent] = [performance.now(), processorUs(server.pid).main]
      await inLoops(2, async () => {
        if (left-- <= 0) return false
        moved += body.byteLength + (await call())
        return true
      })
      const perSecond = moved / ((performance.now() - begun) / 1_000) / 1e9
      const perProcessor = moved / ((processorUs(server.pid).main - spent) / 1e6) / 1e9
      return {
        measured: `${perSecond.toFixed(2)} GB/s, in and out together; ${perProcessor.toFixed(2)} GB a second of the server's main thread`,
        holds: perSecond >= 1,
      }
    } finally {
      agent.destroy()
      await server.stop()
    }
  },
}
