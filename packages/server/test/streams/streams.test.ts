import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '@trestle/sdk'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fixture } from '../../src/modules/serving/test/fixtures.ts'
import { lagOf, type Lag } from '../../src/modules/streams/lag.ts'
import { createKafka, type Kafka } from '../../src/platform/kafka/index.ts'
import { hasKafka, startKafka, type TestBroker } from '../support/kafka-broker.ts'
import { spawnServer, type ServerProcess } from '../support/process.ts'

/** Set them for the long proof: `TRESTLE_STREAM_RECORDS=1000000 TRESTLE_KILLS=10`. */
const RECORDS = Number(process.env['TRESTLE_STREAM_RECORDS'] ?? '6000')
const KILLS = Number(process.env['TRESTLE_KILLS'] ?? '2')
const KEYS = 500
const bytes = (text: string): Buffer => Buffer.from(text)

type Seen = { key: string; id: string; headers: Map<string, string>; value: string }

describe.skipIf(!hasKafka())('a stream', () => {
  let broker: TestBroker
  let kafka: Kafka
  let dir: string
  let server: ServerProcess
  const settings = (): Record<string, string> => ({ KAFKA_BROKERS: broker.address })

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'trestle-streams-'))
    broker = await startKafka()
    kafka = createKafka({ brokers: [broker.address], isTls: false, sasl: null })
    const admin = await kafka.admin()
    await admin.createTopics({
      topics: ['small', 'small.out', 'small.dlq', 'many', 'many.out', 'many.dlq'],
      partitions: 3,
      replicas: 1,
    })
    await admin.close()
    server = await spawnServer(dir, settings())
    const client = createClient({ url: server.url })
    await client.uploadModel('fraud', await readFile(fixture('fraud-1')))
    await client.serving.createEndpoint({
      name: 'fraud',
      model: 'fraud/1',
      columns: ['amount', 'age', 'score'],
    })
  })
  afterAll(async () => {
    await server.kill('SIGKILL')
    await kafka.stop(AbortSignal.timeout(1_000))
    await broker.stop()
    await rm(dir, { recursive: true, force: true })
  })

  const produce = async (topic: string, from: number, to: number): Promise<void> => {
    const producer = await kafka.producer()
    for (let at = from; at < to; at += 1_000)
      await producer.send({
        messages: Array.from({ length: Math.min(1_000, to - at) }, (_, i) => ({
          topic,
          key: bytes(`k${(at + i) % KEYS}`),
          value: bytes(JSON.stringify({ amount: (at + i) % 900, age: 30, score: 0.5 })),
          headers: new Map([[bytes('id'), bytes(String(at + i))]]),
        })),
      })
    await producer.close()
  }

  /** Committed records of a topic, once there are this many and for a moment no more. */
  const committed = async (topic: string, count: number): Promise<Seen[]> => {
    const seen: Seen[] = []
    const consumer = await kafka.consumer({ groupId: `check-${topic}-${Math.random()}` })
    try {
      const stream = await consumer.consume({ topics: [topic], mode: 'earliest' })
      let quiet: NodeJS.Timeout | null = null
      await new Promise<void>((resolve, reject) => {
        const limit = setTimeout(
          () => reject(new Error(`${seen.length} of ${count} records came`)),
          60_000 + RECORDS / 5
        )
        const done = (): void => {
          clearTimeout(limit)
          resolve()
        }
        stream.on('error', reject)
        stream.on('data', (record) => {
          const headers = new Map(
            [...record.headers].map(([k, v]) => [k.toString(), v.toString()] as const)
          )
          seen.push({
            key: record.key.toString(),
            id: headers.get('id') ?? '',
            headers,
            value: record.value.toString(),
          })
          if (seen.length < count) return
          if (quiet !== null) clearTimeout(quiet)
          quiet = setTimeout(done, 1_500)
        })
      })
    } finally {
      await consumer.close(true)
    }
    return seen
  }

  const expectExactlyOnce = (seen: readonly Seen[], count: number): void => {
    expect(seen.length).toBe(count)
    expect(new Set(seen.map((s) => s.id)).size).toBe(count)
    const last = new Map<string, number>()
    for (const { key, id } of seen) {
      expect(Number(id)).toBeGreaterThan(last.get(key) ?? -1)
      last.set(key, Number(id))
    }
  }

  test('scores records with their keys and headers, and puts poison aside with the reason', async () => {
    const client = createClient({ url: server.url })
    await client.streams.putStream({
      name: 'small',
      endpoint: 'fraud',
      input: 'small',
      output: 'small.out',
    })
    await produce('small', 0, 300)
    const producer = await kafka.producer()
    await producer.send({
      messages: [
        { topic: 'small', key: bytes('p1'), value: bytes('{"amount":') },
        { topic: 'small', key: bytes('p2'), value: bytes('{"amount":"lots","age":1,"score":1}') },
      ].map((m) => ({ ...m, headers: new Map([[bytes('traceparent'), bytes('00-abc-1')]]) })),
    })
    await producer.close()
    await produce('small', 300, 400)
    const out = await committed('small.out', 400)
    expectExactlyOnce(out, 400)
    const online = await fetch(`${server.url}/endpoints/fraud/predict`, {
      method: 'POST',
      body: JSON.stringify({ amount: 7, age: 30, score: 0.5 }),
    })
    const { outputs } = (await online.json()) as { outputs: unknown }
    expect(
      (JSON.parse(out.find((s) => s.id === '7')?.value ?? '') as { outputs: unknown }).outputs
    ).toEqual(outputs)
    const dead = await committed('small.dlq', 2)
    expect(dead.map((d) => d.key).toSorted()).toEqual(['p1', 'p2'])
    for (const { headers } of dead) {
      expect(headers.get('traceparent')).toBe('00-abc-1')
      expect(headers.get('trestle-source')).toMatch(/^small:\d:\d+$/)
    }
    expect(dead.find((d) => d.key === 'p2')?.headers.get('trestle-error')).toMatch(/"amount".*FP32/)
    const metrics = await (await fetch(`${server.url}/metrics`)).text()
    expect((await client.streams.getStream({ name: 'small' })).state).toBe('running')
    await expect
      .poll(async () => (await client.streams.getStream({ name: 'small' })).lag, {
        timeout: 20_000,
      })
      .toBe(0)
    expect(metrics).toMatch(/trestle_stream_records_total\{.*stream="small",outcome="scored"\} 400/)
  })

  test(
    `a worker killed ${KILLS} times and a broker that dies leave each record once, in its key's order`,
    { timeout: 120_000 + RECORDS },
    async () => {
      await createClient({ url: server.url }).streams.putStream({
        name: 'many',
        endpoint: 'fraud',
        input: 'many',
        output: 'many.out',
        maxRows: 200,
      })
      const filling = produce('many', 0, RECORDS)
      for (let kill = 0; kill < KILLS; kill++) {
        await new Promise((resolve) => setTimeout(resolve, 400 + ((kill * 337) % 1_000)))
        await server.kill('SIGKILL')
        server = await spawnServer(dir, settings())
      }
      await filling
      await broker.kill()
      await broker.start()
      expectExactlyOnce(await committed('many.out', RECORDS), RECORDS)
    }
  )

  test('the lag is what a partition holds beyond what was scored', async () => {
    const admin = await kafka.admin()
    await admin.createTopics({ topics: ['waits'], partitions: 3, replicas: 1 })
    await admin.close()
    await produce('waits', 0, 300)
    const consumer = await kafka.consumer({ groupId: 'waiting' })
    const stream = await consumer.consume({
      topics: ['waits'],
      mode: 'committed',
      fallbackMode: 'earliest',
    })
    const total = (lag: Lag): number => [...lag.values()].reduce((sum, n) => sum + n, 0)
    const look = (done: Map<number, bigint>): Promise<Lag> =>
      lagOf(consumer, 'waits', { done, committed: stream.offsetsCommitted })
    const before = await look(new Map())
    expect(total(before)).toBe(300)
    const first = before.get(0) ?? 0
    expect(total(await look(new Map([[0, BigInt(first)]])))).toBe(300 - first)
    await consumer.close(true)
  })

  test('a stream stands still while it is paused and goes on where it stood', async () => {
    const client = createClient({ url: server.url })
    expect((await client.streams.pauseStream({ name: 'small' })).state).toBe('paused')
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    await produce('small', 400, 450)
    expectExactlyOnce(await committed('small.out', 400), 400)
    await client.streams.resumeStream({ name: 'small' })
    expectExactlyOnce(await committed('small.out', 450), 450)
  })
})
