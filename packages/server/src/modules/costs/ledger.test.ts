import { expect, test } from 'vitest'
import { onEveryDatabase } from '../../../test/support/databases.ts'
import { createManualClock } from '../../kernel/clock.ts'
import { createTopic } from '../../platform/events/topic.ts'
import type { InferenceCompleted } from '../serving/index.ts'
import { costMigrations } from './index.ts'
import { createLedger } from './ledger.ts'
import { createPriceBook } from './llm/price-book.ts'
import { createCostStore } from './store.ts'
import { HOUR_MS } from '../../kernel/hour.ts'

const START = 1_795_459_210_948

function event(over: Partial<InferenceCompleted> = {}): InferenceCompleted {
  return {
    predictionId: 'p',
    requestId: 'r',
    project: 'default',
    endpoint: 'fraud',
    endpointId: 'ep_1',
    variant: 'v1',
    model: { name: 'fraud', version: 1 },
    role: 'live',
    pairedWith: null,
    at: START,
    latencyMs: 4,
    stages: { featuresMs: 0, queueMs: 0, computeMs: 3 },
    busyMs: 1.5,
    device: 'cpu',
    status: 'ok',
    errorCode: null,
    stickyKey: null,
    apiKeyId: null,
    entities: {},
    rows: 2,
    inputs: [],
    outputs: [],
    oldestFeatureAt: null,
    ...over,
  }
}

type Entry = { sequence: number | null; event: InferenceCompleted }

/** A log that holds everything it was ever told. */
function fakeLog(id: string) {
  const held: Entry[] = []
  const logged = createTopic<Entry>('logged', (error) => {
    throw error
  })
  return {
    source: {
      logId: () => id,
      logged,
      async *replay(after: number) {
        for (const entry of [...held]) if ((entry.sequence ?? 0) > after) yield entry
      },
      holdBack: () => undefined,
      flush: async () => undefined,
    },
    add(over: Partial<InferenceCompleted> = {}) {
      const entry = { sequence: held.length + 1, event: event(over) }
      held.push(entry)
      logged.publish(entry)
    },
    drop: () => logged.publish({ sequence: null, event: event() }),
  }
}

onEveryDatabase([costMigrations], (database) => {
  const setup = (id: string) => {
    const clock = createManualClock(START)
    const store = createCostStore(database())
    const log = fakeLog(id)
    const open = () =>
      createLedger({
        store,
        source: log.source,
        clock,
        units: async () => ({ cpu: 2 }),
        prices: async () => createPriceBook([], []),
      })
    const sums = async (endpoint: string) => {
      const rows = (await store.usage({ from: 0, to: START * 2 })).filter(
        (row) => row.endpoint === endpoint
      )
      const sum = (pick: (row: (typeof rows)[number]) => number) =>
        rows.reduce((total, row) => total + pick(row), 0)
      return {
        requests: sum((r) => r.requests),
        predictions: sum((r) => r.predictions),
        busyUs: sum((r) => r.busy_us),
      }
    }
    return { clock, store, log, open, sums }
  }

  test('a crash at any moment neither loses nor doubles a booked prediction', async () => {
    const { log, open, sums } = setup('crash')
    let ledger = open()
    await ledger.start()
    for (let i = 1; i <= 30; i++) {
      log.add({ endpoint: 'crash' })
      if (i % 4 === 0) await ledger.flush()
      if (i % 7 === 0) {
        // Not stopped: what it had not booked is gone with it.
        ledger = open()
        await ledger.start()
      }
    }
    await ledger.stop()
    expect(await sums('crash')).toEqual({ requests: 30, predictions: 60, busyUs: 45_000 })
  })

  test('two ledgers of one log never book the same prediction twice', async () => {
    const { log, open, sums } = setup('twice')
    const [a, b] = [open(), open()]
    await a.start()
    await b.start()
    for (let i = 0; i < 10; i++) log.add({ endpoint: 'twice' })
    const results = await Promise.allSettled([a.flush(), b.flush()])
    expect(results.map((r) => r.status).toSorted()).toEqual(['fulfilled', 'rejected'])
    expect((await sums('twice')).requests).toBe(10)
  })

  test('capacity is booked for the time that passed, split at the hour', async () => {
    const { clock, store, log, open } = setup('capacity')
    const ledger = open()
    await ledger.start()
    const before = await store.capacity({ from: 0, to: START * 2 })
    clock.advance(HOUR_MS)
    log.add()
    await ledger.stop()
    const sum = (rows: { available_us: number }[]) =>
      rows.reduce((total, row) => total + row.available_us, 0)
    const after = await store.capacity({ from: 0, to: START * 2 })
    expect(sum(after) - sum(before)).toBe(HOUR_MS * 1_000 * 2)
    expect(new Set(after.map((row) => row.hour)).size).toBe(2)
  })

  test('what the log had to drop is booked all the same while the process lives', async () => {
    const { log, open, sums } = setup('drop')
    const ledger = open()
    await ledger.start()
    const before = (await sums('fraud')).requests
    log.drop()
    await ledger.stop()
    expect((await sums('fraud')).requests).toBe(before + 1)
  })
})
