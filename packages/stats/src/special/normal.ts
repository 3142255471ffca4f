import { gammaP, gammaQ } from './incomplete-gamma.ts'

const SQRT_HALF = Math.SQRT1_2
const INVERSE_SQRT_TWO_PI = 0.3989422804014327

/** Error function, through P(1/2, x^2) (NIST DLMF 7.11.1). */
export function erf(x: number): number {
  return x < 0 ? -gammaP(0.5, x * x) : gammaP(0.5, x * x)
}

/** 1 - erf(x) without cancellation in the upper tail. */
export function erfc(x: number): number {
  return x < 0 ? 1 + gammaP(0.5, x * x) : gammaQ(0.5, x * x)
}

export function normalCdf(z: number): number {
  return 0.5 * erfc(-z * SQRT_HALF)
}

/** P(Z > z), accurate in the far upper tail. */
export function normalSf(z: number): number {
  return 0.5 * erfc(z * SQRT_HALF)
}

/** z with P(Z <= z) = p. A rational start (Abramowitz and Stegun 26.2.23) polished by Halley steps. */
export function normalQuantile(p: number): number {
  if (!(p >= 0) || !(p <= 1)) return NaN
  if (p === 0) return -Infinity
  if (p === 1) return Infinity
  if (p === 0.5) return 0
  return p < 0.5 ? -upperQuantile(p) : upperQuantile(1 - p)
}

function upperQuantile(tail: number): number {
  const t = Math.sqrt(-2 * Math.log(tail))
  let z =
    t -
    (2.515517 + t * (0.802853 + t * 0.010328)) /
      (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)))
  for (let i = 0; i < 4; i++) {
    const density = INVERSE_SQRT_TWO_PI * Math.exp((-z * z) / 2)
    if (density === 0) break
    const step = (normalSf(z) - tail) / density
    z += step / (1 - (z * step) / 2)
    if (Math.abs(step) < 1e-16 * z) break
  }
  return z
}
