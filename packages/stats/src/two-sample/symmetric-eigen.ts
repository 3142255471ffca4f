/** Eigenvalues and eigenvectors (columns) of a small symmetric matrix, by Jacobi rotations. */
export function symmetricEigen(matrix: readonly (readonly number[])[]): {
  values: number[]
  vectors: number[][]
} {
  const size = matrix.length
  const a = matrix.map((row) => [...row])
  const vectors = matrix.map((_, i) => matrix.map((_, j) => (i === j ? 1 : 0)))
  for (let sweep = 0; sweep < 50; sweep++) {
    let off = 0
    for (let i = 0; i < size; i++) for (let j = 0; j < i; j++) off += a[i]![j]! ** 2
    if (off < 1e-300) break
    for (let p = 0; p < size; p++) for (let q = p + 1; q < size; q++) rotate(a, vectors, p, q)
  }
  return { values: a.map((row, i) => row[i]!), vectors }
}

function rotate(a: number[][], vectors: number[][], p: number, q: number): void {
  const apq = a[p]![q]!
  if (apq === 0) return
  const theta = (a[q]![q]! - a[p]![p]!) / (2 * apq)
  const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1))
  const c = 1 / Math.hypot(t, 1)
  const s = t * c
  const turn = (row: number[]) => {
    const [left, right] = [row[p]!, row[q]!]
    row[p] = c * left - s * right
    row[q] = s * left + c * right
  }
  for (const row of a) turn(row)
  for (let k = 0; k < a.length; k++) {
    const [up, down] = [a[p]![k]!, a[q]![k]!]
    a[p]![k] = c * up - s * down
    a[q]![k] = s * up + c * down
  }
  for (const row of vectors) turn(row)
}
