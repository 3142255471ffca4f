import { createRng } from '@trestle/stats'
import { expect, test } from 'vitest'
import { gauss, specOf } from '../test/drift-world.ts'
import { buildReference } from './reference.ts'
import { toColumns } from './column-values.ts'
import { evaluateWindow } from './evaluate-window.ts'
import { splitRows, type WatchedRow } from './segments.ts'

const rng = createRng(31)
const rows = (n: number, make: (i: number) => Omit<WatchedRow, 'outputs'>): WatchedRow[] =>
  Array.from({ length: n }, (_, i) => ({ outputs: {}, ...make(i) }))
const whole = (of: readonly WatchedRow[]) =>
  buildReference(toColumns(of), { rows: of.length, spans: [{ from: 0, to: 1 }] })

test('opposite shifts of two segments cancel out in the whole and are told of each', () => {
  const by = { by: 'input', name: 'country' } as const
  const spec = specOf({ segments: by })
  const row = (shift: number) => (i: number) => {
    const country = i % 20 === 0 ? 'LU' : i % 2 === 0 ? 'NL' : 'BE'
    const sign = country === 'NL' ? 1 : country === 'BE' ? -1 : 0
    return { inputs: { country, x: gauss(rng) + sign + sign * shift } }
  }
  const known = rows(4_000, row(0))
  const reference = {
    ...whole(known),
    segments: Object.fromEntries(
      [...splitRows(known, { ...by, most: 10 })].map(([value, part]) => [value, whole(part)])
    ),
  }
  expect(evaluateWindow(reference, rows(800, row(0)), spec).state).toBe('ok')
  // Swapped: as a whole the same mixture of two normals as before.
  const swapped = evaluateWindow(reference, rows(800, row(-2)), spec)
  expect(swapped.drifted.toSorted()).toEqual(['x [country = BE]', 'x [country = NL]'])
  const segments = new Set(swapped.columns.map((column) => column.segment))
  expect(segments, '40 rows of LU say nothing').toEqual(
    new Set([null, 'country = BE', 'country = NL'])
  )
})

test('each variant is compared with the whole reference', () => {
  const known = whole(rows(2_000, () => ({ inputs: { x: gauss(rng) } })))
  const current = rows(1_000, (i) => ({
    variant: i % 10 === 0 ? 'v2' : 'v1',
    inputs: { x: gauss(rng) + (i % 10 === 0 ? 1.5 : 0) },
  }))
  const verdict = evaluateWindow(known, current, specOf({ segments: { by: 'variant' } }))
  expect(verdict.drifted).toContain('x [variant = v2]')
  expect(verdict.drifted).not.toContain('x [variant = v1]')
})

test('as many segments as the monitor says, the largest', () => {
  const of = rows(600, (i) => ({ inputs: {}, entities: { user: `u${i % (i < 300 ? 3 : 300)}` } }))
  const parts = splitRows(of, { by: 'entity', name: 'user', most: 3 })
  expect([...parts.keys()]).toEqual(['u0', 'u1', 'u2'])
})
