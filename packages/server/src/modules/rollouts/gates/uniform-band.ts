/**
 * Half-width of a band around an empirical distribution function that holds everywhere and at every sample size at once:
 * 0.85 sqrt((ln ln(e n) + C) / n), C by alpha (Howard and Ramdas 2022, "Sequential estimation of quantiles with applications to A/B testing and
 * best-arm identification", Bernoulli 28(3), theorem 2).
 */
export function uniformBandWidth(n: number, alpha: number): number {
  if (n < 1) return 1
  return Math.min(1, A * Math.sqrt((Math.log(1 + Math.log(n)) + constantFor(alpha)) / n))
}

const A = 0.85

/** The smallest C whose error bound is at most `alpha`: the bound falls as C grows. */
export function constantFor(alpha: number): number {
  let low = 1
  let high = 200
  for (let i = 0; i < 40; i++) {
    const middle = (low + high) / 2
    if (errorBound(middle) > alpha) low = middle
    else high = middle
  }
  return high
}

/** inf over eta > 1 with gamma > 1 of 4 exp(-gamma^2 C) (1 + 1 / ((gamma^2 - 1) ln eta)). */
function errorBound(c: number): number {
  let best = Infinity
  for (let eta = 1.005; eta < 1.4; eta += 0.005) {
    const gamma = Math.sqrt(2 / eta) * (A - Math.sqrt((2 * (eta - 1)) / c))
    if (gamma <= 1) continue
    const square = gamma ** 2
    best = Math.min(best, 4 * Math.exp(-square * c) * (1 + 1 / ((square - 1) * Math.log(eta))))
  }
  return best
}
