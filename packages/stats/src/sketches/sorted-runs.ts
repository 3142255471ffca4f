/** Merges two ascending runs into a new one. */
export function mergeSorted(a: Float64Array, b: Float64Array): Float64Array {
  if (a.length === 0) return b
  if (b.length === 0) return a
  const merged = new Float64Array(a.length + b.length)
  let i = 0
  let j = 0
  let at = 0
  while (i < a.length && j < b.length) merged[at++] = a[i]! <= b[j]! ? a[i++]! : b[j++]!
  merged.set(i < a.length ? a.subarray(i) : b.subarray(j), at)
  return merged
}

/** Every other value of an ascending run of even length, starting at `offset`. */
export function halve(run: Float64Array, offset: number): Float64Array {
  const half = new Float64Array(run.length / 2)
  for (let i = 0; i < half.length; i++) half[i] = run[2 * i + offset]!
  return half
}
