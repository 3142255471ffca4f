/** The lower triangle L of a positive definite `size` x `size` matrix, A = L L'; `matrix` is overwritten. */
export function factor(matrix: Float64Array, size: number): Float64Array {
  for (let j = 0; j < size; j++) {
    for (let i = j; i < size; i++) {
      let sum = matrix[i * size + j]!
      for (let k = 0; k < j; k++) sum -= matrix[i * size + k]! * matrix[j * size + k]!
      matrix[i * size + j] = i === j ? Math.sqrt(sum) : sum / matrix[j * size + j]!
    }
  }
  return matrix
}

/** Solves L L' x = b. */
export function solve(lower: Float64Array, b: Float64Array): Float64Array {
  const size = b.length
  const x = b.slice()
  for (let i = 0; i < size; i++) {
    let sum = x[i]!
    for (let k = 0; k < i; k++) sum -= lower[i * size + k]! * x[k]!
    x[i] = sum / lower[i * size + i]!
  }
  for (let i = size - 1; i >= 0; i--) {
    const value = x[i]! / lower[i * size + i]!
    x[i] = value
    for (let k = 0; k < i; k++) x[k]! -= lower[i * size + k]! * value
  }
  return x
}
