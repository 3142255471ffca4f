import fc from 'fast-check'
import { expect, test } from 'vitest'
import { normals, ok } from '../../test/reference.ts'
import { createRng } from '../random.ts'
import { kolmogorovSmirnov } from '../two-sample/kolmogorov-smirnov.ts'
import { countBelow, squaredDeviations } from '../samples.ts'
import { createDdSketch, ddSketchFromJSON } from './ddsketch.ts'
import { createFrequentItems, frequentItemsFromJSON } from './frequent-items.ts'
import { createHyperLogLog, hyperLogLogFromJSON } from './hyperloglog.ts'
import { createKll, kllFromJSON, kllRankError } from './kll.ts'
import type { Kll } from './kll.ts'
import { kolmogorovSmirnovOfSketches } from './kll-distance.ts'
import { createMoments } from './moments.ts'

const json = <T>(value: { toJSON(): T }): T => JSON.parse(JSON.stringify(value)) as T

function worstRankError(sketch: Kll, values: Float64Array): number {
  const ascending = values.toSorted()
  let worst = 0
  for (let i = 0; i <= 100; i++) {
    const at = ascending[Math.min(ascending.length - 1, Math.floor((i / 100) * ascending.length))]!
    worst = Math.max(
      worst,
      Math.abs(sketch.cdf(at) - countBelow(ascending, at, 'right') / ascending.length)
    )
  }
  return worst
}

test('KLL ranks stay within the stated error, for one stream and for twenty merged ones', () => {
  const rng = createRng(1)
  const whole = createKll({ k: 200, seed: 5 })
  const merged = createKll({ k: 200, seed: 6 })
  const all = normals(rng, 200_000)
  whole.updateMany(all)
  for (let part = 0; part < 20; part++) {
    const one = createKll({ k: 200, seed: part })
    one.updateMany(all.subarray(part * 10_000, (part + 1) * 10_000))
    merged.merge(json(one))
  }
  for (const sketch of [whole, merged]) {
    expect(sketch.count()).toBe(200_000)
    expect(worstRankError(sketch, all)).toBeLessThan(kllRankError(200))
    expect(sketch.distribution().cumulative.at(-1)).toBe(1)
    expect(JSON.stringify(sketch).length).toBeLessThan(40_000)
  }
  expect(whole.quantile(0)).toBe(all.reduce((a, b) => Math.min(a, b)))
  expect(whole.quantile(1)).toBe(all.reduce((a, b) => Math.max(a, b)))
})

test('KLL is exact while it holds everything, and handles infinities and NaN', () => {
  const sketch = createKll()
  sketch.updateMany([3, NaN, 1, 2, Infinity, -Infinity])
  expect(sketch.count()).toBe(5)
  expect([sketch.quantile(0), sketch.quantile(0.5), sketch.quantile(1)]).toEqual([
    -Infinity,
    2,
    Infinity,
  ])
  expect(sketch.cdf(2)).toBeCloseTo(0.6, 15)
  const back = kllFromJSON(json(sketch))
  expect([...back.cdfMany([-Infinity, 0, 1, 5, Infinity])]).toEqual([
    ...sketch.cdfMany([-Infinity, 0, 1, 5, Infinity]),
  ])
  expect(createKll().quantile(0.5)).toBeNaN()
})

test('the same seed and values give the same sketch; a JSON round trip changes nothing', () => {
  const values = normals(createRng(2), 30_000)
  const one = createKll({ seed: 3 })
  const two = createKll({ seed: 3 })
  one.updateMany(values)
  for (const value of values) two.update(value)
  expect(two.toJSON()).toEqual(one.toJSON())
  const back = kllFromJSON(json(one))
  one.updateMany(values)
  back.updateMany(values)
  expect(back.toJSON()).toEqual(one.toJSON())
})

test('DDSketch quantiles are within the relative error of true ones, merged or not', () => {
  const rng = createRng(4)
  const values = normals(rng, 20_000, 2, 2).map((x, i) => (i % 10 === 0 ? -1 : 1) * Math.exp(x))
  const whole = createDdSketch(0.01)
  whole.updateMany(values)
  const merged = createDdSketch(0.01)
  for (const half of [values.subarray(0, 7000), values.subarray(7000)]) {
    const one = createDdSketch(0.01)
    one.updateMany(half)
    merged.merge(json(one))
  }
  expect(merged.toJSON()).toEqual(whole.toJSON())
  const ascending = values.toSorted()
  for (const q of [0, 0.01, 0.05, 0.3, 0.5, 0.9, 0.99, 0.999, 1]) {
    const exact = ascending[Math.floor(q * (values.length - 1))]!
    expect(Math.abs(whole.quantile(q) - exact)).toBeLessThanOrEqual(
      0.01 * Math.abs(exact) * (1 + 1e-9)
    )
  }
  expect(ddSketchFromJSON(json(whole)).quantile(0.99)).toBe(whole.quantile(0.99))
})

test('DDSketch keeps zeros and infinities, ignores NaN and refuses to merge another error', () => {
  const sketch = createDdSketch()
  sketch.updateMany([0, 0, NaN, Infinity, -Infinity])
  expect(sketch.count()).toBe(4)
  expect([0, 0.5, 1].map((q) => sketch.quantile(q))).toEqual([-Infinity, 0, Infinity])
  expect(() => sketch.merge(createDdSketch(0.05).toJSON())).toThrow(RangeError)
})

test('moments of any split equal moments of the whole', () => {
  const value = fc.oneof(
    fc.double({ min: -1e6, max: 1e6, noNaN: true }),
    fc.constantFrom(NaN, Infinity, -Infinity)
  )
  fc.assert(
    fc.property(fc.array(value, { maxLength: 60 }), fc.nat(60), (values, cut) => {
      const whole = createMoments()
      whole.updateMany(values)
      const left = createMoments()
      for (const one of values.slice(0, cut)) left.update(one)
      const right = createMoments()
      right.updateMany(values.slice(cut))
      left.merge(json(right))
      const [a, b] = [left.toJSON(), whole.toJSON()]
      expect({ ...a, mean: 0, squares: 0 }).toEqual({ ...b, mean: 0, squares: 0 })
      expect(Math.abs(a.mean - b.mean)).toBeLessThanOrEqual(1e-6)
      expect(Math.abs(a.squares - b.squares)).toBeLessThanOrEqual(1e-9 * Math.max(1, b.squares))
      expect(a.count + a.missing + a.positiveInfinite + a.negativeInfinite).toBe(values.length)
    }),
    { seed: 1 }
  )
})

test('variance keeps its digits beside a large offset', () => {
  const values = normals(createRng(8), 50_000, 1e9)
  const moments = createMoments()
  moments.updateMany(values)
  expect(moments.variance()).toBeCloseTo(squaredDeviations(values) / (values.length - 1), 6)
  expect(createMoments().mean()).toBeNaN()
})

test('distinct counts are within four standard errors from one to a hundred thousand, merged or not', () => {
  const left = createHyperLogLog()
  const right = createHyperLogLog()
  expect(left.estimate()).toBe(0)
  let seen = 0
  for (const size of [1, 10, 100, 1000, 10_000, 100_000]) {
    for (; seen < size; seen++)
      (seen % 3 === 0 ? left : right).update(seen % 2 === 0 ? seen : `user-${seen}`)
    const merged = hyperLogLogFromJSON(json(left))
    merged.merge(json(right))
    merged.merge(json(right))
    expect(Math.abs(merged.estimate() / size - 1)).toBeLessThan(size < 100 ? 0.02 : (4 * 1.04) / 64)
  }
})

test('frequent items bound every true count, alone and merged', () => {
  const rng = createRng(12)
  const truth = new Map<string, number>()
  const parts = [createFrequentItems(50), createFrequentItems(50)]
  for (let i = 0; i < 20_000; i++) {
    const value = `v${Math.floor(rng() ** -0.7)}`
    truth.set(value, (truth.get(value) ?? 0) + 1)
    parts[i % 2]!.update(value)
  }
  const merged = frequentItemsFromJSON(json(parts[0]!))
  merged.merge(json(parts[1]!))
  expect(merged.total()).toBe(20_000)
  expect(merged.floor()).toBeLessThanOrEqual((2 * 20_000) / 50)
  const held = new Map(merged.top().map((item) => [item.value, item]))
  for (const [value, count] of truth) {
    const item = held.get(value)
    if (!item) expect(count).toBeLessThanOrEqual(merged.floor())
    else {
      expect(item.count).toBeGreaterThanOrEqual(count)
      expect(item.count - item.overcount).toBeLessThanOrEqual(count)
    }
  }
  const best = [...truth].sort((a, b) => b[1] - a[1]).slice(0, 3)
  expect(merged.top(3).map((item) => item.value)).toEqual(best.map(([value]) => value))
})

test('a sketch distance is exact on small data and within its error on large', () => {
  const rng = createRng(13)
  for (const size of [500, 50_000]) {
    const [x, y] = [normals(rng, size), normals(rng, size, 0.05)]
    const [left, right] = [createKll({ seed: 1 }), createKll({ seed: 2 })]
    left.updateMany(x)
    right.updateMany(y)
    const sketched = ok(kolmogorovSmirnovOfSketches(left, right))
    const exact = ok(kolmogorovSmirnov(x, y, { method: 'asymptotic' }))
    expect(Math.abs(sketched.statistic - exact.statistic)).toBeLessThanOrEqual(
      sketched.error + 1e-12
    )
    expect(sketched.smallestPValue).toBeLessThanOrEqual(exact.pValue * (1 + 1e-9))
    expect(sketched.largestPValue).toBeGreaterThanOrEqual(exact.pValue * (1 - 1e-9))
    expect(sketched.error === 0).toBe(size === 500)
  }
})
