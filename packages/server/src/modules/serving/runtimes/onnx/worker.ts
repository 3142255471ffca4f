/** A thread that holds one heavy model, so that its runs do not stop the event loop of the server. */
import { parentPort, workerData } from 'node:worker_threads'
import { openSession, type OnnxFile } from './session.ts'
import type { FromWorker, ToWorker } from './worker-client.ts'

const port = parentPort
if (port === null) throw new Error('worker.ts runs as a worker thread')
const send = (message: FromWorker): void => port.postMessage(message)
const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

try {
  const session = await openSession(workerData as OnnxFile)
  send({ kind: 'loaded', spec: session.spec })
  port.on('message', (message: ToWorker) => {
    void session.run(message.inputs).then(
      (outputs) => send({ kind: 'done', id: message.id, outputs }),
      (error: unknown) => send({ kind: 'failed', id: message.id, message: textOf(error) })
    )
  })
} catch (error) {
  send({ kind: 'not-loaded', message: textOf(error) })
}
