import { Worker } from 'node:worker_threads'
import type { TokenCounter } from '../ports.ts'

// The compiler rewrites imports, not this path: the built server has a .js beside it.
const WORKER = new URL(
  import.meta.url.endsWith('.ts') ? './token-worker.ts' : './token-worker.js',
  import.meta.url
)

/** Longest text that is counted; of a longer one the rest is taken to be like its beginning. */
const MAX_CHARS = 4 * 1024 * 1024
/** Texts that may wait; one more is refused, and its call is booked as unmetered. */
const MAX_WAITING = 2_000
/** An idle thread is given up: most servers are told their usage and never count. */
const IDLE_MS = 60_000

type Waiting = { resolve: (count: number) => void; reject: (error: Error) => void }

/** Counts with OpenAI's o200k encoding on a thread of its own, which starts with the first text. For other models it is an estimate. */
export function createTokenCounter(): TokenCounter {
  const waiting = new Map<number, Waiting>()
  let worker: Worker | null = null
  let idle: NodeJS.Timeout | null = null
  let nextId = 1
  let isClosed = false

  const stop = (error: Error): void => {
    const old = worker
    worker = null
    void old?.terminate()
    for (const { reject } of waiting.values()) reject(error)
    waiting.clear()
  }
  const start = (): Worker => {
    const started = new Worker(WORKER, { execArgv: [] })
    started.unref()
    started.on('message', ({ id, count }: { id: number; count: number }) => {
      waiting.get(id)?.resolve(count)
      waiting.delete(id)
      if (waiting.size > 0) return
      started.unref()
      if (idle !== null) clearTimeout(idle)
      idle = setTimeout(() => stop(new Error('idle')), IDLE_MS)
      idle.unref()
    })
    started.on('error', (error) => {
      if (worker === started) stop(error instanceof Error ? error : new Error(String(error)))
    })
    return started
  }

  return {
    count(text) {
      if (text === '') return Promise.resolve(0)
      if (isClosed) return Promise.reject(new Error('The token counter is closed'))
      if (waiting.size >= MAX_WAITING)
        return Promise.reject(new Error('Too many texts wait to be counted'))
      if (idle !== null) clearTimeout(idle)
      idle = null
      worker ??= start()
      worker.ref()
      const id = nextId++
      const counted = text.slice(0, MAX_CHARS)
      worker.postMessage({ id, text: counted })
      return new Promise<number>((resolve, reject) => {
        waiting.set(id, {
          resolve: (count) => resolve(Math.ceil((count * text.length) / counted.length)),
          reject,
        })
      })
    },
    async close() {
      isClosed = true
      if (idle !== null) clearTimeout(idle)
      stop(new Error('The token counter is closed'))
    },
  }
}
