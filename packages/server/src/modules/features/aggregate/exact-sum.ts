/**
 * A sum of doubles that does not depend on the order: the exact value is kept as doubles that do not overlap (Shewchuk, "Adaptive Precision
 * Floating-Point Arithmetic", 1997, grow-expansion), and rounded once, half to even, as Python's `math.fsum` does.
 */
export type ExactSum = { parts: number[]; nan: number; plus: number; minus: number }

export const emptySum = (): ExactSum => ({ parts: [], nan: 0, plus: 0, minus: 0 })

export function addTo(sum: ExactSum, value: number | bigint): void {
  if (typeof value === 'bigint') {
    const high = Number(value)
    addFinite(sum, high)
    addFinite(sum, Number(value - BigInt(high)))
  } else if (Number.isFinite(value)) addFinite(sum, value)
  else if (Number.isNaN(value)) sum.nan += 1
  else if (value > 0) sum.plus += 1
  else sum.minus += 1
}

export function mergeSum(into: ExactSum, other: ExactSum): void {
  for (const part of other.parts) addFinite(into, part)
  into.nan += other.nan
  into.plus += other.plus
  into.minus += other.minus
}

function addFinite(sum: ExactSum, value: number): void {
  const { parts } = sum
  let rest = value
  let kept = 0
  for (let part of parts) {
    if (Math.abs(rest) < Math.abs(part)) [rest, part] = [part, rest]
    const high = rest + part
    const low = part - (high - rest)
    if (low !== 0) parts[kept++] = low
    rest = high
  }
  parts.length = kept
  if (rest !== 0) parts.push(rest)
}

/** The double nearest to the exact sum. */
export function sumOf({ parts, nan, plus, minus }: ExactSum): number {
  if (nan > 0 || (plus > 0 && minus > 0)) return NaN
  if (plus > 0) return Infinity
  if (minus > 0) return -Infinity
  let at = parts.length
  if (at === 0) return 0
  let high = parts[--at] ?? 0
  let low = 0
  while (at > 0) {
    const before = high
    const next = parts[--at] ?? 0
    high = before + next
    low = next - (high - before)
    if (low !== 0) break
  }
  // Half-way cases: the next smaller part decides, which the addition above could not see.
  const below = parts[at - 1] ?? 0
  if (at > 0 && ((low < 0 && below < 0) || (low > 0 && below > 0))) {
    const doubled = low * 2
    const rounded = high + doubled
    if (doubled === rounded - high) high = rounded
  }
  return high
}

/** The exact sum of integers. */
export const integerSumOf = ({ parts }: ExactSum): bigint =>
  parts.reduce((total, part) => total + BigInt(part), 0n)
