import { createRng } from '@trestle/stats'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { gauss, reference, rowsOf, specOf, type Row } from '../test/drift-world.ts'
import { evaluateWindow } from './evaluate-window.ts'
import { mergeReferences } from './merge-references.ts'

const row = fc.record({
  x: fc.option(fc.double({ min: -1e6, max: 1e6, noNaN: true })),
  c: fc.constantFrom('a', 'b', 'c', null),
})
const rows = fc.array(row, { minLength: 20, maxLength: 60 })

test('references merged say the same as one of all rows', () => {
  fc.assert(fc.property(rows, rows, mergesLikeTheWhole))
})

type Values = readonly Row['inputs'][]

function mergesLikeTheWhole(first: Values, second: Values): void {
  const of = (values: Values): Row[] => values.map((inputs) => ({ inputs, outputs: {} }))
  const merged = mergeReferences([reference(of(first)), reference(of(second))])
  const whole = reference(of([...first, ...second]))
  expect(merged.rows).toBe(whole.rows)
  for (const column of whole.columns) {
    const found = merged.columns.find(({ name }) => name === column.name)
    if (column.kind !== found?.kind) continue
    expect(found).toMatchObject({ count: column.count, missing: column.missing })
    if (column.kind !== 'numeric' || found.kind !== 'numeric') {
      expect(found).toEqual(column)
      continue
    }
    expect([found.min, found.max, found.sample]).toEqual([column.min, column.max, column.sample])
    expect(found.mean).toBeCloseTo(column.mean, 6)
    expect(found.deviation / column.deviation).toBeCloseTo(1, 9)
  }
}

test('parts that were sampled differently weigh by the rows that they stand for', () => {
  const rng = createRng(1)
  const many = reference(rowsOf(20_000, () => ({ x: gauss(rng) })))
  const few = reference(rowsOf(1_000, () => ({ x: gauss(rng) + 3 })))
  const merged = mergeReferences([few, many])
  const current = rowsOf(2_000, (i) => ({ x: gauss(rng) + (i % 21 === 0 ? 3 : 0) }))
  expect(evaluateWindow(merged, current, specOf()).state).toBe('ok')
})
