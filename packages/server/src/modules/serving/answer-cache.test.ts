import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { contentKey, createAnswerCache } from './answer-cache.ts'
import type { InferenceCompleted } from './inference-event.ts'
import { startServing, type TestServer } from './test/fixtures.ts'
import type { Tensor } from './tensor.ts'

const floats = (name: string, values: readonly number[], shape = [values.length]): Tensor => ({
  name,
  datatype: 'FP32',
  shape,
  data: Float32Array.from(values),
})

test('as a map with a bound and an end: it gives what was put last, never too old, never too much', () => {
  const step = fc.record({
    key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    put: fc.option(fc.integer({ min: 0, max: 300 })),
    wait: fc.integer({ min: 0, max: 40 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let now = 0
      const cache = createAnswerCache({ maxBytes: 2_500, ttlMs: 100 }, () => now)
      const put = new Map<string, { size: number; at: number }>()
      for (const { key, put: size, wait } of steps) {
        now += wait
        if (size === null) {
          const found = cache.get(key)
          const last = put.get(key)
          if (found !== null) {
            expect(found[0]?.data.length).toBe(last?.size)
            expect(now - (last?.at ?? 0)).toBeLessThan(100)
          }
        } else {
          cache.put(key, [
            floats(
              'y',
              Array.from({ length: size }, () => 1)
            ),
          ])
          put.set(key, { size, at: now })
          expect(cache.get(key)?.[0]?.data.length).toBe(size)
        }
        expect(cache.bytes).toBeLessThanOrEqual(2_500)
      }
    })
  )
})

test('a key tells apart everything that a model could', () => {
  const keys = [
    [floats('x', [1, 2])],
    [floats('x', [1, 2], [2, 1])],
    [floats('z', [1, 2])],
    [floats('x', [1]), floats('y', [2])],
    [floats('x', [0, 2])],
    [floats('x', [-0, 2])],
    [{ name: 'x', datatype: 'BYTES' as const, shape: [2], data: ['ab', 'c'] }],
    [{ name: 'x', datatype: 'BYTES' as const, shape: [2], data: ['a', 'bc'] }],
  ].map(contentKey)
  expect(new Set(keys).size).toBe(keys.length)
  expect(contentKey([floats('x', [1, 2])])).toBe(keys[0])
})

const events: InferenceCompleted[] = []
let server: TestServer
beforeAll(async () => {
  server = await startServing({ onCompleted: (event) => events.push(event) })
})
afterAll(() => server.stop())

test('a kept answer is given with its own id, costs no time of the device, and never crosses versions', async () => {
  const cache = { maxBytes: 100_000, ttlMs: 60_000 }
  const made = await server.send('POST', '/api/endpoints', {
    name: 'kept',
    model: 'fraud/1',
    cache,
  })
  expect(made.json).toMatchObject({ variants: [{ name: 'v1', cache }] })
  await server.send('POST', '/api/endpoints/kept/variants', { model: 'fraud/2', cache })
  const ask = (variant: string) =>
    server.send(
      'POST',
      '/endpoints/kept/predict',
      { amount: 120.5, age: 0.5, score: 2 },
      { 'x-trestle-variant': variant }
    )
  const [first, second, other] = [await ask('v1'), await ask('v1'), await ask('v2')]
  expect(second.json['outputs']).toEqual(first.json['outputs'])
  expect(other.json['outputs']).not.toEqual(first.json['outputs'])
  expect(second.json['predictionId']).not.toBe(first.json['predictionId'])
  expect([first, second, other].map(({ headers }) => headers.get('x-trestle-cache'))).toEqual([
    null,
    'hit',
    null,
  ])
  await expect.poll(() => events.length).toBe(3)
  expect(events.map(({ isCached, busyMs }) => [isCached === true, busyMs > 0])).toEqual([
    [false, true],
    [true, false],
    [false, true],
  ])
  const metrics = await fetch(`${server.url}/metrics`).then((response) => response.text())
  expect(metrics).toContain('trestle_inference_cached_total{endpoint="kept",variant="v1"} 1')
})
