import { fixedRate } from '../load.ts'
import { denseModel } from '../onnx-model.ts'
import { startTrestle } from '../servers.ts'
import { inLoops, size, type Proof } from './proof.ts'

const WIDTH = 64

/** A light endpoint at a steady rate, alone and beside a heavy one that is kept busy. */
export const neighbour: Proof = {
  name: 'a heavy neighbour leaves the p99 of a light endpoint within 1.3 times',
  async run() {
    const seconds = size('BENCH_NEIGHBOUR_SECONDS', 5)
    const server = await startTrestle()
    const light = server.targets['Trestle, plain JSON']
    if (light === undefined) throw new Error('no target')
    try {
      await server.client.uploadModel('dense', denseModel({ width: WIDTH, layers: 3_500 }))
      await server.client.serving.createEndpoint({ name: 'dense', model: 'dense/1' })
      const body = JSON.stringify({
        inputs: [
          { name: 'x', datatype: 'FP32', shape: [1, WIDTH], data: new Array(WIDTH).fill(1) },
        ],
      })
      const rate = { perSecond: 300, seconds }
      await fixedRate(light, rate)
      const alone = await fixedRate(light, rate)
      let isOver = false
      const heavy = inLoops(2, async () => {
        const answer = await fetch(`${server.url}/v2/models/dense/infer`, { method: 'POST', body })
        await answer.arrayBuffer()
        return !isOver
      })
      const beside = await fixedRate(light, rate)
      isOver = true
      await heavy
      return {
        measured: `p99 ${alone.p99Ms.toFixed(2)} ms alone, ${beside.p99Ms.toFixed(2)} ms beside it: ${(beside.p99Ms / alone.p99Ms).toFixed(2)} times`,
        holds: beside.p99Ms <= 1.3 * alone.p99Ms,
      }
    } finally {
      await server.stop()
    }
  },
}
