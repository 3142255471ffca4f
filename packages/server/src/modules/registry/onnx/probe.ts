import { Worker } from 'node:worker_threads'
import type { Feeds } from './example-feeds.ts'

export type ProbeJob = Readonly<{
  path: string
  /** What to run it on; null: it is only loaded. */
  feeds: Feeds | null
  /** Null: it is run once. */
  timing: Readonly<{ warmups: number; maxRuns: number; maxMs: number }> | null
}>

export type FromProbe = Readonly<
  | { kind: 'ran'; /** Of each timed run. */ micros: readonly number[] }
  | { kind: 'failed'; stage: 'load' | 'run'; message: string }
>

export type ProbeResult = FromProbe | Readonly<{ kind: 'too-slow' }>

// The bundler leaves this path alone: the built server has a .js beside it.
const WORKER = new URL(
  import.meta.url.endsWith('.ts') ? './probe-worker.ts' : './probe-worker.js',
  import.meta.url
)

/** Loads a model on a thread of its own, runs it as asked, and lets go of it. After `timeoutMs` it is given up. */
export function probeOnnx(job: ProbeJob, timeoutMs: number): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const worker = new Worker(WORKER, { workerData: job, execArgv: [] })
    const end = (result: ProbeResult): void => {
      clearTimeout(timer)
      resolve(result)
      void worker.terminate()
    }
    const timer = setTimeout(() => end({ kind: 'too-slow' }), timeoutMs)
    worker.once('message', (message: FromProbe) => end(message))
    worker.once('error', (error) =>
      end({
        kind: 'failed',
        stage: 'load',
        message: error instanceof Error ? error.message : String(error),
      })
    )
    worker.once('exit', (code) =>
      end({ kind: 'failed', stage: 'load', message: `its thread ended with code ${code}` })
    )
  })
}
