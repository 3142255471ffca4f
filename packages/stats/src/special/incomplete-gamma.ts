import { logGamma } from './gamma.ts'

const TINY = 1e-300
const EPSILON = 1e-16
const MAX_TERMS = 100_000

/** Regularised lower incomplete gamma P(a, x) (NIST DLMF 8.2.4). */
export function gammaP(a: number, x: number): number {
  if (!(a > 0) || !(x >= 0)) return NaN
  if (x === 0) return 0
  if (x === Infinity) return 1
  return x < a + 1 ? series(a, x) : 1 - continuedFraction(a, x)
}

/** Regularised upper incomplete gamma Q(a, x) = 1 - P(a, x), accurate in the far tail. */
export function gammaQ(a: number, x: number): number {
  if (!(a > 0) || !(x >= 0)) return NaN
  if (x === 0) return 1
  if (x === Infinity) return 0
  return x < a + 1 ? 1 - series(a, x) : continuedFraction(a, x)
}

function prefactor(a: number, x: number): number {
  return Math.exp(a * Math.log(x) - x - logGamma(a))
}

function series(a: number, x: number): number {
  let term = 1 / a
  let sum = term
  for (let n = 1; n < MAX_TERMS; n++) {
    term *= x / (a + n)
    sum += term
    if (term < sum * EPSILON) break
  }
  return sum * prefactor(a, x)
}

// Modified Lentz evaluation of DLMF 8.9.2.
function continuedFraction(a: number, x: number): number {
  let b = x + 1 - a
  let c = 1 / TINY
  let d = 1 / b
  let h = d
  for (let i = 1; i < MAX_TERMS; i++) {
    const an = -i * (i - a)
    b += 2
    d = 1 / nonZero(an * d + b)
    c = nonZero(b + an / c)
    const step = c * d
    h *= step
    if (Math.abs(step - 1) < EPSILON) break
  }
  return h * prefactor(a, x)
}

function nonZero(value: number): number {
  return Math.abs(value) < TINY ? TINY : value
}
