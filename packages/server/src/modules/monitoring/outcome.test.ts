import { expect, test } from 'vitest'
import { judge, scoreColumn } from './outcome.ts'

const float = (name: string) => ({ name, type: 'float' as const, values: [0.5] })

test('the score is the first float output, or the probability of class 1 of a pair', () => {
  expect(scoreColumn([float('a'), float('b')])?.name).toBe('a')
  for (const [zero, one] of [
    ['p_0', 'p_1'],
    ['p[0]', 'p[1]'],
    ['probabilities.0', 'probabilities.1'],
  ] as const)
    expect(scoreColumn([float(zero), float(one)])?.name).toBe(one)
  expect(scoreColumn([float('p_0'), float('p_1'), float('p_2')])?.name).toBe('p_0')
  expect(scoreColumn([{ name: 'c', type: 'int', values: [1] }])).toBeNull()
})

test('with a class output a label is right or wrong, whatever type it came in', () => {
  expect(judge({ score: 0.8, predicted: 1n }, '1')).toMatchObject({ error: 0, logLoss: null })
  expect(judge({ score: 0.8, predicted: 'fraud' }, 'fine')).toMatchObject({ error: 1 })
  expect(judge({ score: 0.8, predicted: 1 }, true)?.logLoss).toBeCloseTo(-Math.log(0.8), 12)
})

test('without one, a truth value is a class, a 0 or 1 beside a probability either, any other number a value', () => {
  expect(judge({ score: 0.4, predicted: null }, true)).toMatchObject({
    error: 1,
    squaredError: null,
  })
  const either = judge({ score: 0.4, predicted: null }, 1)
  expect(either?.logLoss).toBeCloseTo(-Math.log(0.4), 12)
  expect(either?.squaredError).toBeCloseTo(0.36, 12)
  expect(judge({ score: 4, predicted: null }, 1)).toMatchObject({ error: 3, squaredError: 9 })
  expect(judge({ score: 0.4, predicted: null }, 0.5)?.squaredError).toBeCloseTo(0.01, 12)
})

test('what cannot be judged is not', () => {
  expect(judge({ score: null, predicted: null }, 1)).toBeNull()
  expect(judge({ score: NaN, predicted: null }, 1)).toBeNull()
  expect(judge({ score: 0.4, predicted: null }, 'fraud')).toBeNull()
})

test('a probability of 0 or 1 that is wrong costs much, not infinitely much', () => {
  expect(judge({ score: 0, predicted: 0 }, 1)?.logLoss).toBeCloseTo(34.54, 1)
})
