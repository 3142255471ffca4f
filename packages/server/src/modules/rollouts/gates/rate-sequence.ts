import { logBeta } from '@trestle/stats'

/**
 * Exact anytime-valid interval of one rate: a beta(1/2, 1/2) mixture bets against every rate p, the mixture's likelihood over p's is a test
 * martingale (Robbins 1970), and the rates whose martingale stays under 1/alpha are the interval (Ville's inequality).
 */
export function rateSequence(
  count: { hits: number; n: number },
  alpha: number
): { low: number; high: number } {
  const misses = count.n - count.hits
  const bet = logBeta(0.5 + count.hits, 0.5 + misses) - logBeta(0.5, 0.5)
  const bar = -Math.log(alpha)
  const isOutside = (p: number): boolean =>
    bet - (times(count.hits, Math.log(p)) + times(misses, Math.log1p(-p))) > bar
  const rate = count.hits / count.n
  return {
    low: isOutside(0) ? edge(isOutside, rate, 0) : 0,
    high: isOutside(1) ? edge(isOutside, rate, 1) : 1,
  }
}

// 0 * ln 0 is 0 here: what never happened says nothing against a rate of nought.
const times = (n: number, log: number): number => (n === 0 ? 0 : n * log)

function edge(isOutside: (p: number) => boolean, from: number, to: number): number {
  let inside = from
  let outside = to
  for (let i = 0; i < 50; i++) {
    const middle = (inside + outside) / 2
    if (isOutside(middle)) outside = middle
    else inside = middle
  }
  return outside
}
