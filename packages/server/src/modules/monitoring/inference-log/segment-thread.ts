import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { RowFile } from './segment-rows.ts'
import type { Segment } from './segment.ts'

export type ToSegmentWorker = Readonly<{
  segment: Segment & { before: number }
  scratch: string
}>
export type FromSegmentWorker =
  Readonly<{ kind: 'sorted'; files: RowFile[] }> | Readonly<{ kind: 'failed'; message: string }>

// The compiler rewrites imports, not this path: the built server has a .js beside it.
const WORKER = new URL(
  import.meta.url.endsWith('.ts') ? './segment-worker.ts' : './segment-worker.js',
  import.meta.url
)

/** Sorts segments, one after another, on a thread that lives from the first `sort` to `end`. */
export function createSegmentThread() {
  let worker: Worker | null = null
  return {
    /** Rejects when a segment can't be read, a file can't be written, or the thread dies. */
    async sort(request: ToSegmentWorker): Promise<readonly RowFile[]> {
      worker ??= new Worker(WORKER, { execArgv: [] })
      const over = new AbortController()
      worker.once('exit', () => over.abort())
      worker.postMessage(request)
      const [answer] = (await once(worker, 'message', { signal: over.signal })) as [
        FromSegmentWorker,
      ]
      if (answer.kind === 'failed') throw new Error(answer.message)
      return answer.files
    },
    async end(): Promise<void> {
      const ended = worker
      worker = null
      await ended?.terminate()
    },
  }
}
