import { createRng } from '@trestle/stats'
import { expect, test } from 'vitest'
import { gauss, reference, rowsOf, specOf, type Values } from '../test/drift-world.ts'
import { evaluateWindow } from './evaluate-window.ts'
import { newCategoriesPValue, rangePValue } from './outside-test.ts'

test('the chance to lie beyond the extremes is counted, not approximated', () => {
  // All ten new values above nine old ones: one arrangement of C(19, 9), and the same below.
  const p = rangePValue({ count: 9 }, { values: 10, below: 0, above: 10 })
  expect(p).toBeCloseTo(2 / 92_378, 12)
  expect(rangePValue({ count: 9 }, { values: 10, below: 0, above: 0 })).toBe(1)
})

test('the chance of new categories is never less than what shuffling finds', () => {
  const rng = createRng(24)
  // 200 values in categories of 1 to 8, of which 80 become the current ones by chance alone.
  const pool = Array.from({ length: 8 }, (_, c) =>
    Array.from({ length: Math.floor(50 / (c + 1)) }, (_, i) =>
      Array<string>(c + 1).fill(`${c}.${i}`)
    )
  ).flat(2)
  const m = Math.floor(pool.length * 0.4)
  const small: number[] = []
  for (let round = 0; round < 2_000; round++) {
    const order = pool.map((name) => ({ name, at: rng() })).toSorted((a, b) => a.at - b.at)
    const counts = new Map<string, { reference: number; current: number }>()
    for (const [i, { name }] of order.entries()) {
      const count = counts.get(name) ?? { reference: 0, current: 0 }
      counts.set(name, count)
      count[i < m ? 'current' : 'reference']++
    }
    small.push(newCategoriesPValue([...counts.values()]))
  }
  for (const level of [0.01, 0.05, 0.1])
    expect(small.filter((p) => p <= level).length / small.length).toBeLessThanOrEqual(level)
  const wire = [
    { reference: 5_000, current: 980 },
    { reference: 0, current: 20 },
  ]
  expect(newCategoriesPValue(wire)).toBeLessThan(1e-12)
  expect(
    newCategoriesPValue([
      { reference: 5_000, current: 980 },
      { reference: 0, current: 1 },
    ])
  ).toBeGreaterThan(0.1)
})

test('a new category and values out of range are told where the mix of values says nothing yet', () => {
  const rng = createRng(21)
  const row = (odd: boolean): Values => ({
    c: odd ? 'wire' : rng() < 0.5 ? 'card' : 'cash',
    x: odd ? 40 : gauss(rng),
  })
  const known = reference(rowsOf(5_000, () => row(false)))
  const verdict = evaluateWindow(
    known,
    rowsOf(1_000, (i) => row(i % 50 === 0)),
    specOf()
  )
  expect(verdict.drifted.toSorted()).toEqual(['c', 'x'])
  const finding = (name: string) => verdict.columns.find((c) => c.column === name)?.finding
  expect(finding('c')).toBe('new in 2 % of rows: wire')
  expect(finding('x')).toMatch(/^2(.\d)? % outside the range$/)
  const mix = verdict.columns.find((c) => c.column === 'c')?.effect
  expect(mix?.value).toBeLessThan(mix?.threshold ?? 0)
})

test('a declared range holds whatever the reference held', () => {
  const rng = createRng(22)
  const values = () => ({ x: gauss(rng) })
  const known = reference(rowsOf(1_000, values))
  const spec = specOf({ ranges: { x: { min: 0 } } })
  const verdict = evaluateWindow(known, rowsOf(500, values), spec)
  expect(verdict.drifted).toEqual(['x'])
  expect(verdict.columns[0]?.outOfRangeShare).toBeCloseTo(0.5, 1)
})

test('columns that always bring new categories raise no alarm about it', () => {
  const rng = createRng(23)
  let alarms = 0
  for (let i = 0; i < 100; i++) {
    const row = () => ({ c: `k${Math.floor(300 * rng() ** 2)}` })
    const verdict = evaluateWindow(reference(rowsOf(300, row)), rowsOf(300, row), specOf())
    if (verdict.state === 'drift') alarms++
  }
  expect(alarms).toBeLessThanOrEqual(5)
})
