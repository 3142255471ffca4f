/** What the drift suites are made of: monitors by default, rows by formula, references of rows. */
import type { Rng } from '@trestle/stats'
import { monitorSpec, type MonitorInput, type MonitorSpec } from '@trestle/contract'
import type { Scalar } from '../../../kernel/scalar.ts'
import { toColumns } from '../drift/column-values.ts'
import { buildReference } from '../drift/reference.ts'

export type Values = Record<string, Scalar | null>
export type Row = { inputs: Values; outputs: Values }

export const specOf = (over: Partial<MonitorInput> = {}): MonitorSpec =>
  monitorSpec.parse({
    name: 'm',
    endpoint: 'e',
    reference: { kind: 'first', rows: 1000 },
    window: { kind: 'rows', rows: 1000 },
    ...over,
  })

export const gauss = (rng: Rng): number =>
  Math.sqrt(-2 * Math.log(1 - rng())) * Math.cos(2 * Math.PI * rng())

export const rowsOf = (n: number, make: (i: number) => Values): Row[] =>
  Array.from({ length: n }, (_, i) => ({ inputs: make(i), outputs: {} }))

export const reference = (rows: Row[]) =>
  buildReference(toColumns(rows), { rows: rows.length, spans: [{ from: 0, to: 1 }] })
