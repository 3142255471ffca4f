import { expect, test } from 'vitest'
import { normals, ok } from '../../test/reference.ts'
import { createRng } from '../random.ts'
import { normalCdf } from '../special/normal.ts'
import { factor, solve } from './cholesky.ts'
import { domainClassifierDrift, textDomainDrift } from './domain-classifier.ts'
import { hashedNgrams } from './hashed-ngrams.ts'

const WORDS = 'the quick brown fox jumps over lazy dogs while seven wizards box in a foggy town'
const sentence = (rng: () => number, words = WORDS.split(' ')) =>
  Array.from({ length: 6 }, () => words[Math.floor(rng() * words.length)]!).join(' ')

test('the classifier raises 5 % false alarms on vectors and on texts', () => {
  const rng = createRng(71)
  const vectors = (count: number) => Array.from({ length: count }, () => normals(rng, 6))
  const texts = (count: number) => Array.from({ length: count }, () => sentence(rng))
  const runs = 200
  const alarms = { vectors: 0, texts: 0 }
  for (let i = 0; i < runs; i++) {
    const options = { rng, permutations: 49 }
    if (ok(domainClassifierDrift(vectors(60), vectors(30), options)).pValue <= 0.05)
      alarms.vectors++
    if (i < 20 && ok(textDomainDrift(texts(20), texts(30), options)).pValue <= 0.05) alarms.texts++
  }
  // Four standard errors around 5 %.
  expect(alarms.vectors).toBeLessThan(23)
  expect(alarms.vectors).toBeGreaterThan(0)
  expect(alarms.texts).toBeLessThan(6)
})

test('the area under the curve is that of two normals a sigma apart', () => {
  const rng = createRng(72)
  const side = (shift: number) => Array.from({ length: 1000 }, () => normals(rng, 1, shift))
  const { auc } = ok(domainClassifierDrift(side(0), side(1), { rng, permutations: 9 }))
  expect(Math.abs(auc - normalCdf(1 / Math.SQRT2))).toBeLessThan(0.03)
})

test('a shift in one of 32 dimensions is found, and a change of spread alone', () => {
  const rng = createRng(73)
  const side = (change: (v: number, i: number) => number) =>
    Array.from({ length: 300 }, () => normals(rng, 32).map(change))
  const known = side((v) => v)
  for (const change of [(v: number, i: number) => (i === 4 ? v + 0.7 : v), (v: number) => v * 1.3])
    expect(
      ok(domainClassifierDrift(known, side(change), { rng, permutations: 49 })).pValue
    ).toBeLessThan(0.001)
})

test('texts of another subject are told apart in any script, and those of the same are not', () => {
  const rng = createRng(74)
  const cases = [
    [WORDS.split(' '), [...WORDS.split(' ').slice(4), 'refund', 'invoice', 'charge']],
    [
      Array.from('人人生而自由在尊严和权利上一律平等'),
      Array.from('他们赋有理性和良心并应以兄弟关系的精神相对待'),
    ],
  ] as const
  for (const [before, after] of cases) {
    const texts = (words: readonly string[]) =>
      Array.from({ length: 80 }, () => sentence(rng, [...words]))
    const options = { rng, permutations: 49 }
    expect(ok(textDomainDrift(texts(before), texts(after), options)).pValue).toBeLessThan(0.001)
    expect(ok(textDomainDrift(texts(before), texts(before), options)).pValue).toBeGreaterThan(0.01)
  }
})

test('the same seed gives the same answer, and rows are drawn down to the maximum', () => {
  const rng = createRng(75)
  const side = () => Array.from({ length: 400 }, () => normals(rng, 200))
  const [x, y] = [side(), side()]
  const run = (seed: number) =>
    domainClassifierDrift(x, y, { rng: createRng(seed), permutations: 9, maximumRows: 50 })
  expect(run(1)).toEqual(run(1))
  expect(run(1)).not.toEqual(run(2))
})

test('vectors that allow no question have no answer', () => {
  const options = { rng: createRng(76) }
  const many = (row: readonly number[]) => Array.from({ length: 20 }, () => row)
  const because = (x: readonly (readonly number[])[], y: readonly (readonly number[])[]) => {
    const outcome = domainClassifierDrift(x, y, options)
    return outcome.kind === 'undefined' ? outcome.because : outcome.kind
  }
  expect(because([], many([1]))).toBe('empty-sample')
  expect(because(many([NaN]), many([1]))).toBe('empty-sample')
  expect(because(many([1]), many([1, 2]))).toBe('length-mismatch')
  expect(because(many([1]), many([Infinity]))).toBe('infinite-value')
  expect(because(many([1]), many([1]))).toBe('no-variation')
  expect(because([[1]], many([2]))).toBe('too-few-values')
  expect(textDomainDrift([], ['a'], options)).toEqual({
    kind: 'undefined',
    because: 'empty-sample',
  })
  expect(textDomainDrift(Array<string>(20).fill(''), Array<string>(20).fill(' '), options)).toEqual(
    { kind: 'undefined', because: 'no-variation' }
  )
})

test('hashed n-grams have length 1, and case, width and spacing make no difference', () => {
  const vector = hashedNgrams('Straße  ＡＢＣ')
  expect(vector.reduce((sum, v) => sum + v * v, 0)).toBeCloseTo(1, 12)
  expect(hashedNgrams('straße abc ')).toEqual(vector)
  expect(hashedNgrams(' \n').every((v) => v === 0)).toBe(true)
})

test('a factored matrix solves its equations', () => {
  // A = [[4, 2, 1], [2, 5, 3], [1, 3, 6]], x = [1, -2, 3]
  const lower = factor(Float64Array.from([4, 0, 0, 2, 5, 0, 1, 3, 6]), 3)
  const x = solve(lower, Float64Array.from([3, 1, 13]))
  for (const [i, expected] of [1, -2, 3].entries()) expect(x[i]).toBeCloseTo(expected, 12)
})
