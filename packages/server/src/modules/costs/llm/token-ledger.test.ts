import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { onEveryDatabase } from '../../../../test/support/databases.ts'
import { createManualClock } from '../../../kernel/clock.ts'
import { formatMoney, parseMoney } from '../../../kernel/money.ts'
import { createTopic } from '../../../platform/events/topic.ts'
import type { InferenceCompleted, LlmUsage } from '../../serving/index.ts'
import { costLines } from '../cost-line.ts'
import { costMigrations } from '../index.ts'
import { createLedger } from '../ledger.ts'
import { priceHours } from '../pricing.ts'
import { toReport } from '../report.ts'
import { createCostStore } from '../store.ts'
import { HOUR_MS, hourOf } from '../../../kernel/hour.ts'
import { createPrices } from './prices.ts'
import { createLlmCostStore } from './store.ts'

const START = 1_795_459_210_948

const llm = (over: Partial<LlmUsage>): LlmUsage => ({
  operation: 'chat',
  backend: 'b',
  provider: 'openai',
  model: 'gpt-4o-mini',
  responseModel: null,
  responseId: null,
  usage: { input: 1_000, cache_read: 1_000, output: 100 },
  savedUsage: null,
  status: 'measured',
  billing: 'tokens',
  serviceTier: null,
  tag: '',
  isStream: false,
  cache: null,
  firstTokenMs: null,
  finishReasons: ['stop'],
  attempts: 1,
  url: 'https://api.openai.com/v1',
  requestModel: 'gpt-4o-mini',
  settings: {},
  trace: null,
  ...over,
})

const event = (project: string, over: Partial<InferenceCompleted> = {}): InferenceCompleted => ({
  predictionId: 'p',
  requestId: 'r',
  project,
  endpoint: 'chat',
  endpointId: 'ep_1',
  variant: 'mini',
  model: { name: 'gpt-4o-mini', version: 1 },
  role: 'live',
  pairedWith: null,
  at: START,
  latencyMs: 4,
  stages: { featuresMs: 0, queueMs: 0, computeMs: 3 },
  busyMs: 0,
  device: 'remote',
  status: 'ok',
  errorCode: null,
  stickyKey: null,
  apiKeyId: 'key_1',
  entities: {},
  rows: 1,
  inputs: [],
  outputs: [],
  oldestFeatureAt: null,
  llm: llm({}),
  ...over,
})

onEveryDatabase([costMigrations], (database) => {
  const setup = () => {
    const project = randomUUID()
    const clock = createManualClock(START)
    const store = createCostStore(database())
    const llmStore = createLlmCostStore(database())
    const prices = createPrices({ store: llmStore, clock })
    const held: { sequence: number; event: InferenceCompleted }[] = []
    const logged = createTopic<{ sequence: number | null; event: InferenceCompleted }>(
      'l',
      (error) => {
        throw error
      }
    )
    const open = () =>
      createLedger({
        store,
        clock,
        units: async () => ({ cpu: 2 }),
        prices: () => prices.ready(),
        source: {
          logId: () => project,
          logged,
          async *replay(after: number) {
            for (const entry of [...held]) if (entry.sequence > after) yield entry
          },
          holdBack: () => undefined,
          flush: async () => undefined,
        },
      })
    const log = (one: InferenceCompleted): void => {
      const entry = { sequence: held.length + 1, event: one }
      held.push(entry)
      logged.publish(entry)
    }
    const report = async (groupBy: Parameters<typeof toReport>[2]['groupBy'] = ['endpoint']) => {
      const span = { from: hourOf(START), to: hourOf(START) + HOUR_MS }
      const own = <T extends { project: string }>(rows: readonly T[]): T[] =>
        rows.filter((row) => row.project === project)
      const hours = priceHours(own(await store.usage(span)), [], [])
      const lines = costLines(hours, own(await llmStore.tokens(span)))
      return toReport(hours, lines, { project, endpoint: undefined, groupBy, ...span })
    }
    return { project, clock, prices, llmStore, open, log, report }
  }

  test('a call is booked by meter, at the price of its model, exactly once over a crash', async () => {
    const { project, open, log, report } = setup()
    const first = open()
    await first.start()
    log(event(project))
    log(event(project))
    await first.flush()
    log(event(project))
    // No stop: the process died before it booked the third.
    const second = open()
    await second.start()
    await second.flush()
    const { rows, bill } = await report()
    expect(rows).toMatchObject([
      {
        requests: 3,
        predictions: 3,
        inputTokens: 6_000,
        outputTokens: 300,
        directUsd: '0.000855',
        directUsdPer1000: '0.285',
        loadedUsdPerMillionTokens: '0.135714285714',
        status: 'measured',
      },
    ])
    expect(bill).toMatchObject({ tokensUsd: '0.000855', directUsd: '0.000855', idleUsd: '0' })
  })

  test('a model without a price is unpriced, never free, and gets its price when there is one', async () => {
    const { project, open, log, report, prices, llmStore } = setup()
    const ledger = open()
    await ledger.start()
    log(event(project, { llm: llm({ model: `new-${project}`, tag: 'acme' }) }))
    await ledger.flush()
    expect((await report(['tag'])).rows).toMatchObject([
      { group: { tag: 'acme' }, status: 'unpriced', directUsdPer1000: null, inputTokens: 2_000 },
    ])
    const entry = {
      provider: 'openai',
      model: `new-${project}`,
      prices: { input: '0.000001', output: '0.000002', cache_read: '0.0000001' },
      tiers: [],
      serviceTiers: {},
      currency: 'USD',
      usdPerCurrency: '1',
      validFrom: 0,
      validTo: null,
      source: 'test',
      maxInputTokens: null,
      maxOutputTokens: null,
    }
    await llmStore.putPrices([{ id: project, entry, createdAt: 1 }])
    await prices.reload()
    await prices.repriceUnpriced()
    await prices.repriceUnpriced()
    expect((await report()).rows).toMatchObject([
      { status: 'estimated', directUsd: '0.0013', requests: 1 },
    ])
  })

  test('what a call is unsure of shows: estimated, partial, unmetered; batch calls have their own price', async () => {
    const { project, open, log, report } = setup()
    const ledger = open()
    await ledger.start()
    log(event(project, { variant: 'a', llm: llm({ status: 'estimated' }) }))
    log(event(project, { variant: 'b', llm: llm({ status: 'partial' }), status: 'rejected' }))
    log(event(project, { variant: 'c', llm: llm({ status: 'unmetered', usage: {} }) }))
    log(event(project, { variant: 'd', llm: llm({ serviceTier: 'batch' }) }))
    await ledger.flush()
    const { rows } = await report(['variant'])
    expect(
      rows.map(({ status, directUsd, predictions }) => [status, directUsd, predictions])
    ).toEqual([
      ['estimated', '0.000285', 1],
      ['partial', '0.000285', 0],
      ['unmetered', '0', 1],
      ['measured', '0.00018', 1],
    ])
  })

  test('a backend that is billed by time costs its time, and its tokens are counted beside', async () => {
    const { project, open, log, report } = setup()
    const ledger = open()
    await ledger.start()
    log(event(project, { busyMs: 1_500, llm: llm({ billing: 'time', provider: 'vllm' }) }))
    await ledger.flush()
    expect((await report()).rows).toMatchObject([
      { requests: 1, busySeconds: 1.5, inputTokens: 2_000, status: 'unpriced' },
    ])
  })

  test('for any calls in any order, rows sum to the bill and every call is in exactly one row of each grouping', async () => {
    const call = fc.record({
      variant: fc.constantFrom('a', 'b'),
      tag: fc.constantFrom('', 'x', 'y'),
      input: fc.nat(300_000),
      cached: fc.nat(50_000),
      output: fc.nat(5_000),
      model: fc.constantFrom('gpt-4o-mini', 'gpt-5', 'claude-sonnet-4-5'),
      tier: fc.constantFrom(null, 'priority', 'flex'),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 30 }), async (calls) => {
        const { project, open, log, report } = setup()
        const ledger = open()
        await ledger.start()
        for (const [i, one] of calls.entries()) {
          log(
            event(project, {
              variant: one.variant,
              llm: llm({
                tag: one.tag,
                provider: one.model.startsWith('claude') ? 'anthropic' : 'openai',
                model: one.model,
                serviceTier: one.tier,
                usage: { input: one.input, cache_read: one.cached, output: one.output },
              }),
            })
          )
          if (i % 7 === 3) await ledger.flush()
        }
        await ledger.flush()
        for (const groupBy of [
          ['variant'],
          ['tag', 'meter'],
          ['model'],
          ['apiKey', 'hour'],
        ] as const) {
          const { rows, bill } = await report(groupBy)
          const sum = rows.reduce(
            (total, row) => total + (parseMoney(row.directUsd ?? '0') ?? 0n),
            0n
          )
          expect(formatMoney(sum)).toBe(bill.billUsd)
          expect(rows.reduce((total, row) => total + row.requests, 0)).toBe(calls.length)
        }
      }),
      { numRuns: 10 }
    )
  })
})
