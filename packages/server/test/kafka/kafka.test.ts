import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKafka, type Kafka } from '../../src/platform/kafka/index.ts'
import { hasKafka, startKafka, type TestBroker } from '../support/kafka-broker.ts'

const bytes = (text: string): Buffer => Buffer.from(text)

describe.skipIf(!hasKafka())('a Kafka cluster', () => {
  let broker: TestBroker
  let kafka: Kafka
  beforeAll(async () => {
    broker = await startKafka()
    kafka = createKafka({ brokers: [broker.address], isTls: false, sasl: null })
    const admin = await kafka.admin()
    await admin.createTopics({ topics: ['in', 'out'], partitions: 3, replicas: 1 })
    await admin.close()
  })
  afterAll(async () => {
    await kafka.stop(AbortSignal.timeout(1_000))
    await broker.stop()
  })

  test('a batch that was not handled comes again, one that was does not', async () => {
    const producer = await kafka.producer()
    await producer.send({
      messages: Array.from({ length: 30 }, (_, i) => ({
        topic: 'in',
        key: bytes(`k${i % 5}`),
        value: bytes(String(i)),
        headers: new Map([[bytes('trace'), bytes('t1')]]),
      })),
    })
    await producer.close()
    const seen: string[] = []
    const read = (handle: (values: string[]) => boolean): Promise<void> => {
      const done = new AbortController()
      return kafka.consume({
        groupId: 'readers',
        topics: ['in'],
        maxRows: 10,
        maxWaitMs: 50,
        signal: done.signal,
        handle: async (records) => {
          expect(records[0]?.headers.size).toBe(1)
          if (handle(records.map((r) => r.value.toString()))) done.abort()
        },
      })
    }
    let batches = 0
    await expect(
      read((values) => {
        if (++batches === 2) throw new Error('the reader broke')
        seen.push(...values)
        return false
      })
    ).rejects.toThrow('the reader broke')
    await read((values) => seen.push(...values) >= 30)
    expect(seen.map(Number).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 30 }, (_, i) => i)
    )
    for (const key of [0, 1, 2, 3, 4]) {
      const ofKey = seen.map(Number).filter((value) => value % 5 === key)
      expect(ofKey).toEqual(ofKey.toSorted((a, b) => a - b))
    }
  })

  test('two transactional producers have two identities', async () => {
    const ids = await Promise.all(
      ['a', 'b'].map(async (transactionalId) => {
        const producer = await kafka.producer({ transactionalId })
        const transaction = await producer.beginTransaction()
        await transaction.send({ messages: [{ topic: 'out', value: bytes(transactionalId) }] })
        await transaction.commit()
        const id = producer.producerId
        await producer.close()
        return id
      })
    )
    expect(new Set(ids).size).toBe(2)
  })

  test('a cluster that does not answer is named', async () => {
    const away = createKafka({ brokers: ['127.0.0.1:1'], isTls: false, sasl: null })
    await expect(away.check()).rejects.toThrow(/No Kafka broker answers at 127\.0\.0\.1:1/)
  })
})
