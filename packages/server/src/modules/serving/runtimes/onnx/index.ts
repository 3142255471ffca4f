import { messageOf } from '../../../../kernel/errors.ts'
import { fail } from '../../../../platform/errors.ts'
import type { LoadedModel, Runtime } from '../../runtime.ts'
import { sampleInputs } from '../../sample-inputs.ts'
import { openSession, type OnnxSession } from './session.ts'
import { openWorkerSession } from './worker-client.ts'

export type OnnxRuntimeSettings = Readonly<{
  /** A model whose one-row run takes longer goes to a thread of its own. A message to a thread and back costs about 0.1 ms. */
  inlineRunMs: number
  /** A larger file is opened on a thread from the start: opening holds the thread that does it. */
  inlineFileBytes: number
  /** Cores of one run. */
  threads: number
}>

const DEFAULTS: OnnxRuntimeSettings = {
  inlineRunMs: 5,
  inlineFileBytes: 8 * 1024 * 1024,
  threads: 1,
}
const TIMED_RUNS = 3

/** ONNX Runtime on the CPU, one thread per model unless told otherwise. Small models run on this thread, heavy ones on their own. */
export function createOnnxRuntime(settings: Partial<OnnxRuntimeSettings> = {}): Runtime {
  const { inlineRunMs, inlineFileBytes, threads } = { ...DEFAULTS, ...settings }
  return {
    name: 'onnx',
    async load({ path, bytes }) {
      try {
        if (bytes > inlineFileBytes) return onThread(await openWorkerSession({ path, threads }))
        const session = await openSession({ path, threads })
        if ((await typicalRunMs(session)) <= inlineRunMs) return inline(session)
        await session.release()
        return onThread(await openWorkerSession({ path, threads }))
      } catch (error) {
        throw fail(
          'serving.model_load_failed',
          `The ONNX file does not load: ${messageOf(error)}`,
          {
            cause: error,
          }
        )
      }
    },
  }
}

const inline = (session: OnnxSession): LoadedModel => loaded(session, true)
const onThread = (session: OnnxSession): LoadedModel => loaded(session, false)

const loaded = (session: OnnxSession, isInline: boolean): LoadedModel => ({
  spec: session.spec,
  device: 'cpu',
  isInline,
  infer: (inputs) => session.run(inputs),
  close: () => session.release(),
})

/** The fastest of a few one-row runs, after one that warms up. A model that refuses made-up inputs counts as fast: its real runs were never seen. */
async function typicalRunMs(session: OnnxSession): Promise<number> {
  const inputs = sampleInputs(session.spec, { rows: 1, seed: 0 })
  let best = Infinity
  try {
    await session.run(inputs)
    for (let i = 0; i < TIMED_RUNS; i++) {
      const begun = performance.now()
      await session.run(inputs)
      best = Math.min(best, performance.now() - begun)
    }
  } catch {
    return 0
  }
  return best
}
