import type * as Library from '@platformatic/kafka'
import type { Admin, Consumer, Producer } from '@platformatic/kafka'
import { messageOf } from '../../kernel/errors.ts'
import type { Component } from '../component.ts'
import { fail } from '../errors.ts'
import type { KafkaAddress } from './address.ts'
import { lastPerPartition, recordBatches, type KafkaRecord } from './record-batches.ts'
import { createStableConsumer } from './stable-consumer.ts'

/** Longest time that a transaction may stay open: a dead worker's records are free again after it. */
const TRANSACTION_TIMEOUT_MS = 20_000
const STARTS_WITHIN_MS = 10_000

/** A Kafka cluster. The client is loaded at its first use; what is made here is closed when the component stops. */
export interface Kafka extends Component {
  /** Throws `internal.unavailable` when no broker answers. */
  check(): Promise<void>
  admin(): Promise<Admin>
  /** A member of a consumer group that commits by hand and sees committed records only. */
  consumer(options: { groupId: string }): Promise<Consumer>
  /** Idempotent, acknowledged by all in-sync replicas; with a transactional id, whoever used that id before is fenced off. */
  producer(options?: { transactionalId?: string }): Promise<Producer>
  /**
   * Reads topics as a group and hands on micro-batches one after another; a batch is committed once `handle` is done with it, so that each record
   * comes at least once. A new group begins at the earliest record. Resolves when the signal aborts; throws what `handle` or the broker throws.
   */
  consume(options: {
    groupId: string
    topics: readonly string[]
    maxRows: number
    maxWaitMs: number
    signal: AbortSignal
    handle: (records: readonly KafkaRecord[]) => Promise<void>
  }): Promise<void>
}

type Closeable = { close(force?: boolean): Promise<void> }

export function createKafka(address: KafkaAddress): Kafka {
  const open = new Set<Closeable>()
  const { sasl } = address
  const base = {
    clientId: 'trestle',
    bootstrapBrokers: [...address.brokers],
    ...(address.isTls ? { tls: {} } : {}),
    ...(sasl === null ? {} : { sasl: { ...sasl } }),
  }
  const kept = <T extends Closeable>(client: T): T => {
    open.add(client)
    const close = client.close.bind(client)
    client.close = (force?: boolean) => {
      open.delete(client)
      return close(force)
    }
    return client
  }
  const library = (): Promise<typeof Library> => import('@platformatic/kafka')

  const admin: Kafka['admin'] = async () => {
    const { Admin } = await library()
    return kept(new Admin({ ...base, retries: 2, timeout: STARTS_WITHIN_MS }))
  }
  const consumer: Kafka['consumer'] = async ({ groupId }) =>
    kept(
      createStableConsumer(await library(), {
        ...base,
        groupId,
        autocommit: false,
        isolationLevel: 1, // read committed
        minBytes: 1,
        maxWaitTime: 500,
        sessionTimeout: 10_000,
        rebalanceTimeout: 20_000,
        heartbeatInterval: 1_000,
        // Long enough for the transaction of a dead member to time out.
        retries: 60,
        retryDelay: 500,
      })
    )
  const producer: Kafka['producer'] = async ({ transactionalId } = {}) => {
    const { Producer } = await library()
    return kept(
      new Producer({
        ...base,
        idempotent: true,
        acks: -1,
        timeout: TRANSACTION_TIMEOUT_MS,
        retries: 5,
        retryDelay: 200,
        // "No identity yet" on the wire. The client's own default, producer 0, is refused as fenced when the transactional id is known already.
        producerId: -1n,
        producerEpoch: -1,
        ...(transactionalId === undefined ? {} : { transactionalId }),
      })
    )
  }

  const check: Kafka['check'] = async () => {
    const client = await admin()
    try {
      await client.metadata({ topics: [] })
    } catch (error) {
      throw fail(
        'internal.unavailable',
        `No Kafka broker answers at ${address.brokers.join(', ')}: ${messageOf(error)}`,
        { cause: error }
      )
    } finally {
      await client.close()
    }
  }

  return {
    name: 'kafka',
    admin,
    consumer,
    producer,
    check,
    async consume({ groupId, topics, handle, ...limits }) {
      const client = await consumer({ groupId })
      try {
        const stream = await client.consume({
          topics: [...topics],
          mode: 'committed',
          fallbackMode: 'earliest',
        })
        for await (const records of recordBatches(stream, limits)) {
          await handle(records)
          await client.commit({
            offsets: lastPerPartition(records).map((record) => ({
              topic: record.topic,
              partition: record.partition,
              offset: record.offset + 1n,
              leaderEpoch: record.leaderEpoch,
            })),
          })
        }
      } finally {
        await client.close(true)
      }
    },
    start: check,
    async stop() {
      await Promise.allSettled([...open].map((client) => client.close(true)))
    },
  }
}
