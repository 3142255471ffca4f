import { Worker } from 'node:worker_threads'
import type { ModelSpec } from '../../runtime.ts'
import type { Tensor } from '../../tensor.ts'
import type { OnnxFile, OnnxSession } from './session.ts'

export type ToWorker = Readonly<{ id: number; inputs: readonly Tensor[] }>
export type FromWorker = Readonly<
  | { kind: 'loaded'; spec: ModelSpec }
  | { kind: 'not-loaded'; message: string }
  | { kind: 'done'; id: number; outputs: Tensor[] }
  | { kind: 'failed'; id: number; message: string }
>

type Waiting = { resolve: (outputs: Tensor[]) => void; reject: (error: Error) => void }

// The compiler rewrites imports, not this path: the built server has a .js beside it.
const WORKER = new URL(
  import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js',
  import.meta.url
)

/** Opens an ONNX file on a thread of its own. When the thread dies, what was waiting for it fails and so does every later run. */
export function openWorkerSession(file: OnnxFile): Promise<OnnxSession> {
  return new Promise((opened, refused) => {
    const worker = new Worker(WORKER, { workerData: file, execArgv: [] })
    const waiting = new Map<number, Waiting>()
    let nextId = 1
    let death: Error | null = null

    const die = (error: Error): void => {
      death = error
      refused(error)
      for (const { reject } of waiting.values()) reject(error)
      waiting.clear()
    }
    const session = (spec: ModelSpec): OnnxSession => ({
      spec,
      run: (inputs) =>
        new Promise((resolve, reject) => {
          if (death !== null) {
            reject(death)
            return
          }
          const id = nextId++
          waiting.set(id, { resolve, reject })
          worker.postMessage({ id, inputs } satisfies ToWorker)
        }),
      release: async () => void (await worker.terminate()),
    })

    worker.on('error', (error) => die(error instanceof Error ? error : new Error(String(error))))
    worker.on('exit', (code) => die(new Error(`the model's thread ended with code ${code}`)))
    worker.on('message', (message: FromWorker) => {
      switch (message.kind) {
        case 'loaded':
          opened(session(message.spec))
          return
        case 'not-loaded':
          refused(new Error(message.message))
          return void worker.terminate()
        case 'done':
          waiting.get(message.id)?.resolve(message.outputs)
          return void waiting.delete(message.id)
        case 'failed':
          waiting.get(message.id)?.reject(new Error(message.message))
          return void waiting.delete(message.id)
      }
    })
  })
}
