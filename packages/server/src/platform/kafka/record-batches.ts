import type { Message, MessagesStream } from '@platformatic/kafka'

export type KafkaRecord = Message

export type BatchLimits = Readonly<{
  maxRows: number
  /** A batch that is not full goes out this long after its first record. */
  maxWaitMs: number
  signal: AbortSignal
}>

/**
 * A stream's records in micro-batches, in their order per partition. The next batch gathers only once the one before is taken, so that a slow
 * reader holds the broker back. Ends when the signal aborts or the stream ends; throws what the stream throws.
 */
export async function* recordBatches(
  stream: MessagesStream<Buffer, Buffer, Buffer, Buffer>,
  { maxRows, maxWaitMs, signal }: BatchLimits
): AsyncGenerator<KafkaRecord[], void, void> {
  let batch: KafkaRecord[] = []
  let hasEnded = false
  const failures: Error[] = []
  let wake = (): void => {}
  const onChange = (): void => wake()
  const onEnd = (): void => {
    hasEnded = true
    wake()
  }
  const onError = (error: Error): void => {
    failures.push(error)
    wake()
  }
  stream.on('readable', onChange)
  stream.on('end', onEnd)
  stream.on('close', onEnd)
  stream.on('error', onError)
  signal.addEventListener('abort', onEnd)
  if (signal.aborted) hasEnded = true
  const change = (ms: number | null): Promise<void> =>
    new Promise((resolve) => {
      const timer = ms === null ? null : setTimeout(resolve, Math.max(0, ms))
      wake = () => {
        if (timer !== null) clearTimeout(timer)
        resolve()
      }
    })
  try {
    let firstAt = 0
    while (!hasEnded) {
      if (failures[0] !== undefined) throw failures[0]
      while (batch.length < maxRows) {
        const record = stream.read() as KafkaRecord | null
        if (record === null) break
        if (batch.length === 0) firstAt = performance.now()
        batch.push(record)
      }
      const leftMs = batch.length === 0 ? null : firstAt + maxWaitMs - performance.now()
      if (batch.length >= maxRows || (leftMs !== null && leftMs <= 0)) {
        const full = batch
        batch = []
        yield full
      } else await change(leftMs)
    }
  } finally {
    stream.off('readable', onChange)
    stream.off('end', onEnd)
    stream.off('close', onEnd)
    signal.removeEventListener('abort', onEnd)
  }
}

/** The last record of every partition: committing these commits the batch. */
export function lastPerPartition(records: readonly KafkaRecord[]): KafkaRecord[] {
  const last = new Map<string, KafkaRecord>()
  for (const record of records) last.set(`${record.topic}:${record.partition}`, record)
  return [...last.values()]
}
