import type { Undefined } from '../outcome.ts'
import { undefinedBecause } from '../outcome.ts'
import type { Rng } from '../random.ts'
import { shuffle } from '../random.ts'
import type { Numbers } from '../samples.ts'

/** A covariance beyond this many dimensions costs more than it tells. */
const MOST_DIMENSIONS = 128

type Prepared = { kind: 'rows'; rows: Float64Array[]; referenceCount: number }

/**
 * Both sides as rows that a linear classifier can use, without a look at which side a row is of: drawn, projected when long, squares added,
 * standardised. `asTheyAre` leaves values on their scale and adds no squares.
 */
export function prepareVectors(
  reference: readonly Numbers[],
  current: readonly Numbers[],
  options: { rng: Rng; maximumRows: number; asTheyAre?: boolean }
): Prepared | Undefined {
  const { rng, asTheyAre = false } = options
  const sides = [reference, current].map((rows) =>
    draw(
      rows.filter((row) => !some(row, Number.isNaN)),
      options
    )
  )
  const all = sides.flat()
  const size = all[0]?.length ?? 0
  if (sides.some((side) => side.length === 0) || size === 0) return undefinedBecause('empty-sample')
  if (all.some((row) => row.length !== size)) return undefinedBecause('length-mismatch')
  if (all.some((row) => some(row, (value) => !Number.isFinite(value))))
    return undefinedBecause('infinite-value')
  const short = asTheyAre || size <= MOST_DIMENSIONS ? all : project(standardise(all), rng)
  const rows = standardise(asTheyAre ? short : withSquares(standardise(short)), asTheyAre)
  if (rows[0]!.length === 0) return undefinedBecause('no-variation')
  return { kind: 'rows', rows, referenceCount: sides[0]!.length }
}

function draw(rows: readonly Numbers[], { rng, maximumRows }: { rng: Rng; maximumRows: number }) {
  const order = Uint32Array.from(rows, (_, i) => i)
  const count = Math.min(rows.length, maximumRows)
  shuffle(order, rng, count)
  return Array.from(order.subarray(0, count), (i) => rows[i]!)
}

function some(row: Numbers, holds: (value: number) => boolean): boolean {
  for (let i = 0; i < row.length; i++) if (holds(row[i]!)) return true
  return false
}

/** Mean 0 and deviation 1 in each column (with `isScaleKept`, mean 0 and one scale for all), without columns that never vary. */
function standardise(rows: readonly Numbers[], isScaleKept = false): Float64Array[] {
  const size = rows[0]!.length
  const means = new Float64Array(size)
  for (const row of rows) for (let j = 0; j < size; j++) means[j]! += row[j]! / rows.length
  const variances = new Float64Array(size)
  for (const row of rows)
    for (let j = 0; j < size; j++) variances[j]! += (row[j]! - means[j]!) ** 2 / rows.length
  const kept = [...variances.keys()].filter((j) => variances[j]! > 1e-24 * (1 + means[j]! ** 2))
  const common = kept.reduce((sum, j) => sum + variances[j]!, 0) / kept.length
  return rows.map((row) =>
    Float64Array.from(kept, (j) => {
      return (row[j]! - means[j]!) / Math.sqrt(isScaleKept ? common : variances[j]!)
    })
  )
}

const withSquares = (rows: readonly Float64Array[]): Float64Array[] =>
  rows.map((row) => Float64Array.from([...row, ...row.map((value) => value * value)]))

/** Signed random projection (Achlioptas 2003): distances stay about what they were. */
function project(rows: readonly Float64Array[], rng: Rng): Float64Array[] {
  const size = rows[0]!.length
  const signs = Int8Array.from({ length: size * MOST_DIMENSIONS }, () => (rng() < 0.5 ? -1 : 1))
  return rows.map((row) => {
    const short = new Float64Array(MOST_DIMENSIONS)
    for (let j = 0; j < size; j++) {
      const value = row[j]!
      for (let k = 0; k < MOST_DIMENSIONS; k++) short[k]! += signs[j * MOST_DIMENSIONS + k]! * value
    }
    return short
  })
}
