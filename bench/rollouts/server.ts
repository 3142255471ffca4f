/** A Trestle for the measurements of rollouts: ONNX Runtime, but a model whose file ends with `stall` never answers once it is warm. Prints its URL. */
import { readFile } from 'node:fs/promises'
import { createApp } from '../../packages/server/src/app.ts'
import { readConfig } from '../../packages/server/src/config.ts'
import type { Runtime } from '../../packages/server/src/modules/serving/index.ts'
import { createOnnxRuntime } from '../../packages/server/src/modules/serving/runtimes/onnx/index.ts'

const onnx = createOnnxRuntime()
/** Loading tries a model out before it is live. */
const WARM_CALLS = 50

const runtime: Runtime = {
  name: 'stalling',
  async load(file) {
    const model = await onnx.load(file)
    if (!(await readFile(file.path)).subarray(-5).equals(Buffer.from('stall'))) return model
    let calls = 0
    return {
      ...model,
      infer: (...given) =>
        calls++ < WARM_CALLS ? model.infer(...given) : new Promise(() => undefined),
      close: async () => {},
    }
  },
}
const app = createApp(readConfig(process.env), { runtime })
const { url } = await app.start()
process.stdout.write(`${JSON.stringify({ url })}\n`)
process.once('SIGTERM', () => void app.stop().finally(() => process.exit(0)))
