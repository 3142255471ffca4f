import { createRng } from '@trestle/stats'
import { expect, test } from 'vitest'
import { evaluateWindow } from './evaluate-window.ts'
import { missingPValue } from './missing-test.ts'
import { gauss, reference, rowsOf, specOf, type Values } from '../test/drift-world.ts'

test('a change that is certain but small is no drift', () => {
  const rng = createRng(7)
  const known = reference(rowsOf(5_000, () => ({ x: gauss(rng) })))
  const verdict = evaluateWindow(
    known,
    rowsOf(20_000, () => ({ x: gauss(rng) + 0.08 })),
    specOf()
  )
  expect(verdict.columns[0]?.adjustedPValue).toBeLessThan(0.01)
  expect(verdict.state).toBe('ok')
})

test('a shift is found in either direction', () => {
  const rng = createRng(3)
  const known = reference(rowsOf(500, () => ({ x: gauss(rng), y: gauss(rng) })))
  const current = rowsOf(500, () => ({ x: gauss(rng) - 1, y: gauss(rng) + 1 }))
  expect(evaluateWindow(known, current, specOf()).drifted.toSorted()).toEqual(['x', 'y'])
})

test('samples of different sizes compare', () => {
  const rng = createRng(4)
  const make = (): Values => ({ c: rng() < 0.5 ? 'a' : 'b', x: gauss(rng) })
  const known = reference(rowsOf(5_000, make))
  for (const n of [50, 333, 1_000])
    expect(evaluateWindow(known, rowsOf(n, make), specOf()).state).toBe('ok')
})

test('one row of an unseen category in a thousand is no drift, but is named', () => {
  const known = reference(rowsOf(1_000, (i) => ({ c: i % 2 === 0 ? 'a' : 'b' })))
  const current = rowsOf(1_000, (i) => ({ c: i === 0 ? 'new' : i % 2 === 0 ? 'a' : 'b' }))
  const verdict = evaluateWindow(known, current, specOf())
  expect(verdict.state).toBe('ok')
  expect(verdict.columns[0]?.newCategories).toEqual(['new'])
})

test('a shift of a skewed column is found, with an outlier in the reference too', () => {
  const rng = createRng(5)
  const lognormal = (shift: number): number => Math.exp(gauss(rng) + shift)
  const known = reference(rowsOf(1_000, (i) => ({ x: i === 0 ? 1e6 : lognormal(0) })))
  const verdict = evaluateWindow(
    known,
    rowsOf(1_000, () => ({ x: lognormal(1.5) })),
    specOf()
  )
  expect(verdict.drifted).toEqual(['x'])
  expect(verdict.columns[0]?.effect.value).toBeGreaterThan(0.5)
})

test('values that go missing are drift of their own, also where the reference had none', () => {
  const rng = createRng(6)
  const known = reference(rowsOf(1_000, () => ({ x: gauss(rng) })))
  const current = rowsOf(100, (i) => ({ x: i % 5 === 0 ? null : gauss(rng) }))
  const verdict = evaluateWindow(known, current, specOf())
  expect(verdict.drifted).toEqual(['x'])
  expect(verdict.summary).toContain('missing in 20 % of rows, was 0 %')
})

test('a column that is gone, an empty one and NaN harm no other column', () => {
  const rng = createRng(8)
  const known = reference(
    rowsOf(500, () => ({ gone: gauss(rng), empty: null, nan: NaN, x: gauss(rng), same: 4 }))
  )
  const verdict = evaluateWindow(
    known,
    rowsOf(500, () => ({ empty: null, nan: NaN, x: gauss(rng) + 1, same: 4 })),
    specOf()
  )
  expect(verdict.drifted.toSorted()).toEqual(['gone', 'x'])
  const state = (name: string) => verdict.columns.find((c) => c.column === name)?.state
  expect([state('empty'), state('nan')]).toEqual(['insufficient', 'insufficient'])
})

test('one broken column of twenty is drift of the whole, worst first', () => {
  const rng = createRng(9)
  const row = (shift: number): Values =>
    Object.fromEntries(
      Array.from({ length: 20 }, (_, c) => [
        `c${c}`,
        gauss(rng) + (c === 3 ? shift : c === 11 ? shift / 2 : 0),
      ])
    )
  const known = reference(rowsOf(1_000, () => row(0)))
  const verdict = evaluateWindow(
    known,
    rowsOf(1_000, () => row(3)),
    specOf()
  )
  expect(verdict.state).toBe('drift')
  expect(verdict.drifted).toEqual(['c3', 'c11'])
})

test('a small window is insufficient, never ok', () => {
  const rng = createRng(10)
  const known = reference(rowsOf(1_000, () => ({ x: gauss(rng) })))
  const verdict = evaluateWindow(
    known,
    rowsOf(49, () => ({ x: 100 })),
    specOf()
  )
  expect(verdict).toMatchObject({ state: 'insufficient', columns: [] })
})

test('the Wasserstein and the Jensen-Shannon distance can be the effect', () => {
  const rng = createRng(11)
  const spec = specOf({
    numeric: { effect: 'wasserstein', threshold: 0.3 },
    categorical: { effect: 'js', threshold: 0.2 },
  })
  const row = (moved: boolean): Values => ({
    x: gauss(rng) * 2 + (moved ? 2 : 0),
    c: rng() < (moved ? 0.9 : 0.5) ? 'a' : 'b',
  })
  const known = reference(rowsOf(1_000, () => row(false)))
  const verdict = evaluateWindow(
    known,
    rowsOf(1_000, () => row(true)),
    spec
  )
  expect(verdict.drifted.toSorted()).toEqual(['c', 'x'])
  expect(verdict.columns.find((c) => c.column === 'x')?.effect.value).toBeCloseTo(1, 0)
})

test('the missing-value test is Fisher’s exact one', () => {
  // The larger tail of a 2x2 table by hand: all three missing values fall on one side, C(5,3)/C(10,3) = 1/12.
  const p = missingPValue({ missing: 0, total: 5 }, { missing: 3, total: 5 })
  expect(p).toBeCloseTo(2 / 12, 10)
  expect(missingPValue({ missing: 0, total: 100 }, { missing: 0, total: 100 })).toBe(1)
})
