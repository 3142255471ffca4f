import { comparisonOptions } from '@trestle/contract'
import { createRng } from '@trestle/stats'
import { expect, test } from 'vitest'
import { evaluateWindow } from './evaluate-window.ts'
import { gauss, reference, rowsOf, specOf, type Values } from '../test/drift-world.ts'

const { numeric, categorical } = comparisonOptions.shape
const numericShape = numeric.unwrap().shape
const categoricalShape = categorical.unwrap().shape
const NUMERIC_TESTS = numericShape.test.unwrap().options
const NUMERIC_EFFECTS = numericShape.effect.unwrap().options
const CATEGORICAL_TESTS = categoricalShape.test.unwrap().options
const CATEGORICAL_EFFECTS = categoricalShape.effect.unwrap().options

const world = (seed: number, shift: number, rows = 1_000) => {
  const rng = createRng(seed)
  return rowsOf(rows, () => ({
    down: gauss(rng) - shift,
    up: gauss(rng) + shift,
    pick: rng() < 0.5 + shift * 0.4 ? 'a' : 'b',
    many: `k${Math.floor(rng() ** (1 + 2 * shift) * 6)}`,
  }))
}

test.each([
  ...NUMERIC_TESTS.map((name) => ({ numeric: { test: name } })),
  ...NUMERIC_EFFECTS.map((name) => ({ numeric: { effect: name } })),
  ...CATEGORICAL_TESTS.map((name) => ({ categorical: { test: name } })),
  ...CATEGORICAL_EFFECTS.map((name) => ({ categorical: { effect: name } })),
])(
  'with %j a shift is found in every column and either direction, and none where none is',
  (how) => {
    const known = reference(world(1, 0))
    const spec = specOf(how)
    expect(evaluateWindow(known, world(2, 0), spec)).toMatchObject({ state: 'ok', drifted: [] })
    expect(evaluateWindow(known, world(3, 0.8), spec).drifted.toSorted()).toEqual([
      'down',
      'many',
      'pick',
      'up',
    ])
  }
)

const judgeOne = (before: (i: number) => Values, after: (i: number) => Values, rows = 400) =>
  evaluateWindow(reference(rowsOf(rows, before)), rowsOf(rows, after), specOf()).columns[0]

test('texts are compared by what they say, identifiers are not compared', () => {
  const rng = createRng(5)
  const say = (words: string) => {
    const all = words.split(' ')
    return () => ({
      x: Array.from({ length: 8 }, () => all[Math.floor(rng() * all.length)] ?? '').join(' '),
    })
  }
  const shop = 'where is my parcel and when will the order from last week be here please'
  const bank = 'where is my card and why was the payment from last week refused please'
  expect(judgeOne(say(shop), say(bank))).toMatchObject({ kind: 'text', state: 'drift' })
  expect(judgeOne(say(shop), say(shop))).toMatchObject({ kind: 'text', state: 'ok' })
  expect(
    judgeOne(
      (i) => ({ x: `order-${i}` }),
      (i) => ({ x: `order-${i + 400}` }),
      1_200
    )
  ).toMatchObject({
    state: 'insufficient',
    finding: 'more than 1,000 categories: not compared',
  })
})

test('columns that are constant, mixed, infinite or empty each have a stated result', () => {
  const rng = createRng(6)
  const number = () => ({ x: gauss(rng) })
  const same = (value: string | number | null) => () => ({ x: value })
  const half = (value: number | string) => (i: number) => ({ x: i % 2 === 0 ? value : gauss(rng) })
  expect(judgeOne(same(4), same(4))).toMatchObject({ state: 'ok', finding: '' })
  expect(judgeOne(same(0.5), same(0.5))).toMatchObject({ state: 'ok', finding: '' })
  expect(judgeOne(same(0.5), same(0.7))).toMatchObject({ state: 'drift' })
  expect(judgeOne(number, same('many'))).toMatchObject({
    state: 'drift',
    finding: '100 % of rows hold no number',
  })
  expect(judgeOne(number, half('n/a'))).toMatchObject({
    state: 'drift',
    finding: expect.stringContaining('50 % of rows hold no number') as string,
  })
  expect(judgeOne(half(Infinity), half(Infinity))).toMatchObject({ state: 'ok' })
  expect(judgeOne(number, half(-Infinity))).toMatchObject({ state: 'drift' })
  expect(judgeOne(same(null), same(null))).toMatchObject({
    state: 'insufficient',
    finding: 'no values',
  })
  expect(judgeOne(same(null), number)).toMatchObject({ state: 'drift' })
})
