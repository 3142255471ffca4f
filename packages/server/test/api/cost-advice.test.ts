import { createClient } from '@trestle/sdk'
import { expect, test } from 'vitest'
import {
  completion,
  json,
  startFakeBackend,
} from '../../src/modules/serving/llm/test/fake-backend.ts'
import { fixtureModels } from '../../src/modules/serving/test/fixtures.ts'
import type { Runtime } from '../../src/modules/serving/index.ts'
import { createOnnxRuntime } from '../../src/modules/serving/runtimes/onnx/index.ts'
import { startTestApp } from '../support/app.ts'

const onnx = createOnnxRuntime()
/** A model that takes 2 ms, and half a one for each row. */
const slowByTheRow: Runtime = {
  name: onnx.name,
  load: async (source) => {
    const model = await onnx.load(source)
    return {
      ...model,
      infer: async (inputs, call) => {
        await new Promise((resolve) => setTimeout(resolve, 2 + (inputs[0]?.shape[0] ?? 0) / 2))
        return model.infer(inputs, call)
      },
    }
  },
}

test('advice rests on what was measured: batches, shadows and the cache, each with its numbers', async () => {
  const [app, backend] = await Promise.all([
    startTestApp({}, { models: fixtureModels, runtime: slowByTheRow }),
    startFakeBackend(),
  ])
  const client = createClient({ url: app.url })
  try {
    await client.serving.createEndpoint({ name: 'fraud', model: 'fraud/1' })
    const rows = (n: number) =>
      Array.from({ length: n }, () => ({ amount: 12.5, age: 30, score: 0.1 }))
    for (let i = 0; i < 25; i++)
      for (const n of [1, 64])
        await fetch(`${app.url}/endpoints/fraud/predict`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ instances: rows(n) }),
        })

    const llm = (model: string) => ({
      backends: [{ provider: 'openai', model, url: backend.url }],
      cache: { ttlSeconds: 60 },
    })
    await client.serving.createEndpoint({ name: 'chat', llm: llm('gpt-4o') })
    const [first] = (await client.serving.getEndpoint({ endpoint: 'chat' })).variants
    await client.serving.addVariant({ endpoint: 'chat', variant: 'mini', llm: llm('gpt-4o-mini') })
    await client.serving.setTraffic({
      endpoint: 'chat',
      weights: [{ variant: first?.name ?? '', basisPoints: 10_000 }],
      shadows: [{ variant: 'mini', share: 1 }],
    })
    backend.answerWith(json(completion('Yes.')))
    // 12 tokens in and 3 out, each: $0.06 a thousand at gpt-4o's price, $0.0036 at gpt-4o-mini's.
    for (let i = 0; i < 120; i++)
      await fetch(`${app.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          model: 'chat',
          messages: [{ role: 'user', content: `${i % 110}` }],
        }),
      })
    let items = (await client.costs.listAdvice({})).items
    const told = (kind: string, what: string) =>
      items.find((item) => item.kind === kind)?.numbers.find(({ name }) => name === what)?.value ??
      0
    // Answers come before they are booked and compared.
    const isBooked = () =>
      told('cheaper-model', 'compared') >= 110 && told('cache', 'all calls') >= 120
    for (let i = 0; i < 100 && !isBooked(); i++) {
      await new Promise((resolve) => setTimeout(resolve, 50))
      items = (await client.costs.listAdvice({})).items
    }

    const of = (kind: string) => {
      const item = items.find((one) => one.kind === kind)
      if (item === undefined) throw new Error(`no advice on ${kind}`)
      const numbers = new Map(item.numbers.map(({ name, value }) => [name, value]))
      return { ...item, numbers }
    }
    const batch = of('batch-size')
    expect(batch.subject).toMatch(/^fraud\//)
    expect(batch.numbers.get('measured runs')).toBe(50)
    expect(batch.numbers.get('price of the unit')).toBe(0.0408)
    expect(batch.numbers.get('batch now')).toBe(32.5)
    expect(batch.curve?.points.map(({ x }) => x)).toEqual([1, 2, 4, 8, 16, 32, 64])

    const cheaper = of('cheaper-model')
    expect(cheaper.subject).toBe('chat/mini')
    expect(cheaper.numbers.get(`1,000 predictions of ${first?.name ?? ''}`)).toBeCloseTo(
      0.06 * (110 / 120),
      6
    )
    expect(cheaper.numbers.get('1,000 predictions of mini')).toBeCloseTo(0.0036, 6)
    expect(cheaper.numbers.get('errors of the cheaper')).toBe(0)

    const cache = of('cache')
    expect(cache.numbers.get('answered from the cache')).toBe(10)
    expect(cache.numbers.get('all calls')).toBe(120)
    expect(cache.numbers.get('tokens not bought')).toBe(150)
    expect(cache.numbers.get('not spent')).toBeCloseTo(0.0006, 9)
    // The bill is of what was bought: 110 calls, and the shadow's.
    const { rows: bill } = await client.costs.getCostReport({ groupBy: 'model' })
    expect(bill.find(({ group }) => group['model'] === 'openai:gpt-4o')?.directUsd).toBe('0.0066')
  } finally {
    await app.stop()
    await backend.stop()
  }
})
