import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient, type TrestleClient } from '@trestle/sdk'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKafka, type Kafka } from '../../src/platform/kafka/index.ts'
import { hasKafka, startKafka, type TestBroker } from '../support/kafka-broker.ts'
import { spawnServer } from '../support/process.ts'

const T0 = Date.UTC(2026, 0, 1)
const EVENTS = 3_000
const KEYS = 10

describe.skipIf(!hasKafka())('a view that reads a topic', () => {
  let broker: TestBroker
  let kafka: Kafka
  let dataDir: string
  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'trestle-feature-stream-'))
    broker = await startKafka()
    kafka = createKafka({ brokers: [broker.address], isTls: false, sasl: null })
    const admin = await kafka.admin()
    await admin.createTopics({ topics: ['payments'], partitions: 3, replicas: 1 })
    await admin.close()
  })
  afterAll(async () => {
    await kafka.stop(AbortSignal.timeout(1_000))
    await broker.stop()
    await rm(dataDir, { recursive: true, force: true })
  })

  const send = async (from: number, to: number) => {
    const producer = await kafka.producer()
    for (let n = from; n < to; n += 500)
      await producer.send({
        messages: Array.from({ length: Math.min(500, to - n) }, (_, i) => ({
          topic: 'payments',
          key: Buffer.from(String((n + i) % KEYS)),
          value: Buffer.from(
            JSON.stringify({
              card: (n + i) % KEYS,
              amount: 1,
              at: T0 + n + i,
              note: 'which no view knows',
            })
          ),
        })),
      })
    await producer.close()
  }
  const reached = async (client: TrestleClient, rows: number) => {
    const until = Date.now() + 40_000
    for (;;) {
      const view = await client.features.getView({ name: 'paid' })
      if (view.offlineRows >= rows || Date.now() > until) return view
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  test(
    'takes each event in once, though the server is killed in the middle, and passes over what does not fit',
    { timeout: 90_000 },
    async () => {
      const settings = { KAFKA_BROKERS: broker.address }
      const first = await spawnServer(dataDir, settings)
      const stream = {
        kind: 'kafka' as const,
        topic: 'payments',
        eventTime: 'at',
      }
      await createClient({ url: first.url }).features.apply({
        manifest: {
          entities: [{ name: 'card', keys: [{ name: 'card', type: 'int64' }] }],
          views: [
            {
              name: 'paid',
              entities: ['card'],
              features: [{ name: 'amount', type: 'float64' }],
              stream,
            },
            {
              name: 'spending',
              entities: ['card'],
              inputs: [{ name: 'amount', type: 'float64' }],
              features: [
                {
                  name: 'spent',
                  type: 'float64',
                  aggregate: {
                    function: 'sum',
                    of: 'amount',
                    windowMs: 36_500 * 86_400_000,
                    slideMs: 365 * 86_400_000,
                  },
                },
              ],
              stream,
            },
          ],
        },
      })
      const sending = send(0, EVENTS)
      await reached(createClient({ url: first.url }), 200)
      await first.kill('SIGKILL')
      await sending
      const bad = ['no JSON', '[1]', '{"card":"x","amount":1,"at":1}', '{"card":1,"at":1}']
      const producer = await kafka.producer()
      await producer.send({
        messages: [...bad.map((value) => Buffer.from(value)), undefined].map((value) => ({
          topic: 'payments',
          key: Buffer.from('bad'),
          ...(value === undefined ? {} : { value }),
        })),
      })
      await producer.close()
      await send(EVENTS, EVENTS + 10)

      const second = await spawnServer(dataDir, settings)
      const client = createClient({ url: second.url })
      const view = await reached(client, EVENTS + 10)
      const fold = async () =>
        client.features.online({
          features: ['spending:spent', 'paid:amount'],
          rows: Array.from({ length: KEYS }, (_, card) => ({ card })),
        })
      let { values } = await fold()
      const spent = () => values.map(([sum]) => Number(sum)).reduce((a, b) => a + b, 0)
      for (const until = Date.now() + 20_000; spent() < EVENTS + 10 && Date.now() < until;)
        ({ values } = await fold())
      expect(spent()).toBe(EVENTS + 10)
      expect(values.map(([, amount]) => amount)).toEqual(new Array(KEYS).fill(1))
      expect(view.offlineRows).toBe(EVENTS + 10)
      const { streamState } = await client.features.getView({ name: 'paid' })
      expect(streamState).toMatchObject({ state: 'running', error: null, rejected: bad.length + 1 })
      expect(streamState?.lastRejected).toMatch(/^payments\[\d\] at \d+: /)
      await second.kill('SIGTERM')
    }
  )

  test('says that it waits for a broker where none is known', async () => {
    const { url, kill } = await spawnServer(dataDir)
    const { streamState } = await createClient({ url }).features.getView({ name: 'paid' })
    expect(streamState).toMatchObject({
      state: 'off',
      error: 'the server has no broker: set KAFKA_BROKERS',
    })
    await kill('SIGTERM')
  })
})
