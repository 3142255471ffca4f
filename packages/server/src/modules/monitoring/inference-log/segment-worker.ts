/** A thread that sorts segments into files of rows: reading them back would hold up the predictions that the server's own thread answers. */
import { parentPort } from 'node:worker_threads'
import { sortSegment } from './segment-rows.ts'
import type { FromSegmentWorker, ToSegmentWorker } from './segment-thread.ts'

const port = parentPort
if (port === null) throw new Error('segment-worker.ts runs as a worker thread')
const answer = (message: FromSegmentWorker): void => port.postMessage(message)

port.on('message', ({ segment, scratch }: ToSegmentWorker) => {
  sortSegment(segment, scratch).then(
    (files) => answer({ kind: 'sorted', files }),
    (error: unknown) =>
      answer({ kind: 'failed', message: error instanceof Error ? error.message : String(error) })
  )
})
