const HALF_LOG_TWO_PI = 0.9189385332046728

// Stirling series B(2k) / (2k (2k-1)), enough for 1e-17 above x = 10 (NIST DLMF 5.11.1).
const STIRLING = [1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156]

/** ln Gamma(x) for x > 0; NaN below 0, Infinity at 0. */
export function logGamma(x: number): number {
  if (Number.isNaN(x) || x < 0) return NaN
  if (x === 0 || x === Infinity) return Infinity
  if (x === 1 || x === 2) return 0
  let shift = 1
  let at = x
  while (at < 10) shift *= at++
  return (at - 0.5) * Math.log(at) - at + HALF_LOG_TWO_PI + stirlingCorrection(at) - Math.log(shift)
}

/** ln B(a, b) for a, b > 0. Large arguments go through Stirling's correction: the plain difference of
 * logGamma values loses nine digits at a = 1e6 (SLATEC `dlbeta`). */
export function logBeta(a: number, b: number): number {
  const small = Math.min(a, b)
  const large = Math.max(a, b)
  if (!(small > 0)) return small === 0 ? Infinity : NaN
  if (large < 10) return logGamma(small) + logGamma(large) - logGamma(a + b)
  const correction = stirlingCorrection(large) - stirlingCorrection(small + large)
  if (small < 10)
    return (
      logGamma(small) +
      correction +
      small -
      small * Math.log(small + large) +
      (large - 0.5) * Math.log1p(-small / (small + large))
    )
  return (
    -0.5 * Math.log(large) +
    HALF_LOG_TWO_PI +
    stirlingCorrection(small) +
    correction +
    (small - 0.5) * Math.log(small / (small + large)) +
    large * Math.log1p(-small / (small + large))
  )
}

/** ln of the binomial coefficient; -Infinity outside 0 <= k <= n. */
export function logChoose(n: number, k: number): number {
  if (k < 0 || k > n) return -Infinity
  if (k === 0 || k === n) return 0
  return -Math.log1p(n) - logBeta(n - k + 1, k + 1)
}

function stirlingCorrection(x: number): number {
  const inverseSquare = 1 / (x * x)
  let sum = 0
  for (let i = STIRLING.length - 1; i >= 0; i--) sum = sum * inverseSquare + STIRLING[i]!
  return sum / x
}
