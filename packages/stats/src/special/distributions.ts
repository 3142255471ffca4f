import { betaI, betaQuantile } from './incomplete-beta.ts'
import { gammaP, gammaQ } from './incomplete-gamma.ts'

export function chi2Cdf(x: number, degrees: number): number {
  return x <= 0 ? 0 : gammaP(degrees / 2, x / 2)
}

/** P(chi-square > x): the p-value of a chi-square statistic. */
export function chi2Sf(x: number, degrees: number): number {
  return x <= 0 ? 1 : gammaQ(degrees / 2, x / 2)
}

/** P(T > t) of Student's t. `degrees` may be fractional (Welch). */
export function studentTSf(t: number, degrees: number): number {
  if (t < 0) return 1 - studentTSf(-t, degrees)
  if (t === Infinity) return 0
  const square = t * t
  const inner = degrees / (degrees + square)
  return 0.5 * betaI(degrees / 2, 0.5, inner, square / (degrees + square))
}

export function studentTCdf(t: number, degrees: number): number {
  return studentTSf(-t, degrees)
}

/** t with P(T <= t) = p. */
export function studentTQuantile(p: number, degrees: number): number {
  if (!(p >= 0) || !(p <= 1)) return NaN
  if (p === 0.5) return 0
  const tail = 2 * Math.min(p, 1 - p)
  if (tail === 0) return p === 0 ? -Infinity : Infinity
  // Solve for 1 - x near the centre, where x is too close to 1 to hold its digits.
  const ratio =
    tail < 0.5
      ? inverseOdds(betaQuantile(tail, degrees / 2, 0.5))
      : 1 / inverseOdds(betaQuantile(1 - tail, 0.5, degrees / 2))
  return Math.sign(p - 0.5) * Math.sqrt(degrees * ratio)
}

export function fCdf(x: number, degrees1: number, degrees2: number): number {
  return 1 - fSf(x, degrees1, degrees2)
}

/** P(F > x) of Fisher's F. */
export function fSf(x: number, degrees1: number, degrees2: number): number {
  if (x <= 0) return 1
  const scaled = degrees1 * x
  const total = degrees2 + scaled
  return betaI(degrees2 / 2, degrees1 / 2, degrees2 / total, scaled / total)
}

function inverseOdds(x: number): number {
  return (1 - x) / x
}
