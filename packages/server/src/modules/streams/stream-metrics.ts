import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { Lag } from './lag.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { KafkaRecord } from '../../platform/kafka/index.ts'

export interface StreamMeter {
  /** Of the partitions that this process reads now; no others are told of any more. */
  lag(lag: Lag): void
  batch(records: readonly KafkaRecord[], counts: { scored: number; deadLettered: number }): void
}

/** Throughput, lag, end-to-end latency (from a record's timestamp to its commit) and batch size of streams. */
export function createStreamMetrics(registry: Registry, clock: Clock) {
  const labelNames = ['project', 'stream'] as const
  const records = new Counter({
    name: 'trestle_stream_records_total',
    help: 'Records of a stream by what became of them',
    labelNames: [...labelNames, 'outcome'],
    registers: [registry],
  })
  const latency = new Histogram({
    name: 'trestle_stream_end_to_end_seconds',
    help: 'From the timestamp of a record to the commit of its prediction',
    labelNames,
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    registers: [registry],
  })
  const size = new Gauge({
    name: 'trestle_stream_batch_rows',
    help: 'Records of the last micro-batch',
    labelNames,
    registers: [registry],
  })
  const waiting = new Gauge({
    name: 'trestle_stream_lag_records',
    help: 'Records of a partition that wait to be scored, told of by the server that reads it',
    labelNames: [...labelNames, 'partition'],
    registers: [registry],
  })
  return (stream: { project: string; name: string }): StreamMeter => {
    const labels = { project: stream.project, stream: stream.name }
    let told: number[] = []
    return {
      lag(lag) {
        for (const partition of told) waiting.remove({ ...labels, partition })
        told = [...lag.keys()]
        for (const [partition, records] of lag) waiting.set({ ...labels, partition }, records)
      },
      batch(batch, { scored, deadLettered }) {
        records.inc({ ...labels, outcome: 'scored' }, scored)
        records.inc({ ...labels, outcome: 'dead_lettered' }, deadLettered)
        size.set(labels, batch.length)
        const oldest = batch.reduce(
          (least, record) => (record.timestamp < least ? record.timestamp : least),
          batch[0]?.timestamp ?? 0n
        )
        latency.observe(labels, Math.max(0, clock.now() - Number(oldest)) / 1_000)
      },
    }
  }
}
