/** A thread that loads one model, runs it if asked, and goes: neither a slow nor a large model holds the server up. */
import { parentPort, workerData } from 'node:worker_threads'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import type { FromProbe, ProbeJob } from './probe.ts'

const port = parentPort
if (port === null) throw new Error('probe-worker.ts runs as a worker thread')
const send = (message: FromProbe): void => port.postMessage(message)
const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const { path, feeds, timing } = workerData as ProbeJob

let stage: 'load' | 'run' = 'load'
try {
  const session = await InferenceSession.create(path, {
    logSeverityLevel: 4,
    interOpNumThreads: 1,
  })
  stage = 'run'
  const micros: number[] = []
  if (feeds !== null && session.outputMetadata.some(({ isTensor }) => isTensor)) {
    const inputs = Object.fromEntries(
      Object.entries(feeds).map(([name, { type, data, dims }]) => [
        name,
        new Tensor(type as 'float32', data as Float32Array, dims), // the three belong together: example-feeds.ts made them
      ])
    )
    // The library can't hand out maps and sequences; serving has tensors in their place.
    const outputs = session.outputMetadata
      .filter(({ isTensor }) => isTensor)
      .map(({ name }) => name)
    await session.run(inputs, outputs)
    if (timing !== null) {
      for (let i = 0; i < timing.warmups; i++) await session.run(inputs, outputs)
      const until = performance.now() + timing.maxMs
      while (micros.length < timing.maxRuns && performance.now() < until) {
        const began = performance.now()
        await session.run(inputs, outputs)
        micros.push((performance.now() - began) * 1_000)
      }
    }
  }
  await session.release()
  send({ kind: 'ran', micros })
} catch (error) {
  send({ kind: 'failed', stage, message: textOf(error) })
}
