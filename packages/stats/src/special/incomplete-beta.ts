import { logBeta } from './gamma.ts'

const TINY = 1e-300
const EPSILON = 1e-16
const MAX_TERMS = 100_000

/** Regularised incomplete beta I_x(a, b). Pass `y = 1 - x` where it is known exactly, to keep digits near x = 1. */
export function betaI(a: number, b: number, x: number, y = 1 - x): number {
  if (!(a > 0) || !(b > 0) || !(x >= 0) || !(x <= 1)) return NaN
  if (x === 0) return 0
  if (y === 0) return 1
  const front = Math.exp(a * Math.log(x) + b * Math.log(y) - logBeta(a, b))
  return x < (a + 1) / (a + b + 2)
    ? (front * continuedFraction(a, b, x)) / a
    : 1 - (front * continuedFraction(b, a, y)) / b
}

/** x with I_x(a, b) = p: the quantile of the beta distribution. Bisection guards every Newton step. */
export function betaQuantile(p: number, a: number, b: number): number {
  if (!(a > 0) || !(b > 0) || !(p >= 0) || !(p <= 1)) return NaN
  if (p === 0 || p === 1) return p
  let low = 0
  let high = 1
  let x = a / (a + b)
  for (let i = 0; i < 200 && high - low > 1e-17 * high; i++) {
    const error = betaI(a, b, x) - p
    if (error > 0) high = x
    else low = x
    const density = Math.exp((a - 1) * Math.log(x) + (b - 1) * Math.log1p(-x) - logBeta(a, b))
    const newton = x - error / density
    // A tail solution can lie 300 decades below the mean: halving the exponent beats halving the gap.
    const middle = low > 0 || high > 1e-3 ? (low + high) / 2 : high * 1e-3
    const next = newton > low && newton < high ? newton : middle
    if (Math.abs(next - x) <= 1e-16 * x) return next
    x = next
  }
  return x
}

// Modified Lentz evaluation of DLMF 8.17.22.
function continuedFraction(a: number, b: number, x: number): number {
  let c = 1
  let d = 1 / nonZero(1 - ((a + b) * x) / (a + 1))
  let h = d
  for (let m = 1; m < MAX_TERMS; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    d = 1 / nonZero(1 + even * d)
    c = nonZero(1 + even / c)
    h *= d * c
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    d = 1 / nonZero(1 + odd * d)
    c = nonZero(1 + odd / c)
    const step = d * c
    h *= step
    if (Math.abs(step - 1) < EPSILON) break
  }
  return h
}

function nonZero(value: number): number {
  return Math.abs(value) < TINY ? TINY : value
}
