import type { TestOutcome } from '../outcome.ts'
import { requireOption, undefinedBecause } from '../outcome.ts'
import type { Rng } from '../random.ts'
import { shuffle } from '../random.ts'
import type { Numbers } from '../samples.ts'

export type KernelOptions = {
  readonly rng: Rng
  readonly permutations?: number
}

/**
 * Maximum mean discrepancy of two sets of vectors with a Gaussian kernel of median width, judged by permutation
 * (Gretton and others 2012). Rows with a NaN are left out. Time and memory grow with (n + m)^2: sample first
 * beyond a few thousand rows. The p-value counts the observed order, so it is never 0.
 */
export function kernelDiscrepancy(
  x: readonly Numbers[],
  y: readonly Numbers[],
  options: KernelOptions
): TestOutcome {
  const permutations = options.permutations ?? 200
  requireOption(permutations >= 1, 'permutations must be at least 1')
  const complete = (rows: readonly Numbers[]) =>
    rows.filter((row) => !Array.from(row).some(Number.isNaN))
  const left = complete(x)
  const rows = [...left, ...complete(y)]
  const n = left.length
  if (n === 0 || rows.length === n) return undefinedBecause('empty-sample')
  if (n < 2 || rows.length - n < 2) return undefinedBecause('too-few-values')
  if (rows.some((row) => row.length !== rows[0]!.length)) return undefinedBecause('length-mismatch')
  if (rows.some((row) => !Array.from(row).every(Number.isFinite)))
    return undefinedBecause('infinite-value')
  const kernel = gaussianKernel(rows)
  if (kernel === null) return undefinedBecause('no-variation')
  const order = Uint32Array.from(rows, (_, i) => i)
  const statistic = discrepancy(kernel, order, n)
  let asExtreme = 1
  for (let i = 0; i < permutations; i++) {
    shuffle(order, options.rng, n)
    if (discrepancy(kernel, order, n) >= statistic) asExtreme++
  }
  return { kind: 'ok', statistic, pValue: asExtreme / (permutations + 1) }
}

function gaussianKernel(rows: readonly Numbers[]): Float64Array | null {
  const size = rows.length
  const kernel = new Float64Array(size * size)
  const distances: number[] = []
  for (let i = 0; i < size; i++)
    for (let j = 0; j < i; j++) {
      let squared = 0
      for (let d = 0; d < rows[i]!.length; d++) squared += (rows[i]![d]! - rows[j]![d]!) ** 2
      kernel[i * size + j] = squared
      if (squared > 0) distances.push(squared)
    }
  if (distances.length === 0) return null
  const width = Float64Array.from(distances).sort()[distances.length >>> 1]!
  for (let i = 0; i < size; i++)
    for (let j = 0; j < i; j++)
      kernel[i * size + j] = kernel[j * size + i] = Math.exp(-kernel[i * size + j]! / width)
  return kernel
}

/** Unbiased estimate of the squared discrepancy; the first `n` of `order` form one group. */
function discrepancy(kernel: Float64Array, order: Uint32Array, n: number): number {
  const size = order.length
  const m = size - n
  let within = 0
  let inside = 0
  let across = 0
  for (let i = 0; i < size; i++) {
    const row = order[i]! * size
    for (let j = 0; j < i; j++) {
      const value = kernel[row + order[j]!]!
      if (i < n) within += value
      else if (j < n) across += value
      else inside += value
    }
  }
  return (2 * within) / (n * (n - 1)) + (2 * inside) / (m * (m - 1)) - (2 * across) / (n * m)
}
