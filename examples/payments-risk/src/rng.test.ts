import { expect, test } from 'vitest'
import { createRng } from './rng.ts'

test('a seed and a purpose name one stream of draws for ever', () => {
  const rng = createRng(7, 'labels')
  const draws = Array.from({ length: 5 }, () => Math.floor(rng.uniform() * 4294967296))
  expect(draws).toMatchInlineSnapshot(`
    [
      1268974986,
      2934514416,
      1558530117,
      765697618,
      580494066,
    ]
  `)
  expect(createRng(7, 'arrivals').uniform()).not.toBe(createRng(7, 'labels').uniform())
  expect(createRng(8, 'labels').uniform()).not.toBe(createRng(7, 'labels').uniform())
})

test('draws have the moments of the distributions they are named after', () => {
  const rng = createRng(1, 'moments')
  const mean = (draw: () => number) => {
    let sum = 0
    for (let i = 0; i < 100_000; i++) sum += draw()
    return sum / 100_000
  }
  expect(mean(rng.uniform)).toBeCloseTo(0.5, 2)
  expect(mean(rng.normal)).toBeCloseTo(0, 1)
  expect(mean(() => rng.normal() ** 2)).toBeCloseTo(1, 1)
  expect(mean(() => rng.exponential(3))).toBeCloseTo(3, 1)
  expect(mean(() => rng.integer(5))).toBeCloseTo(2, 1)
  expect(mean(() => Number(rng.chance(0.2)))).toBeCloseTo(0.2, 2)
})
