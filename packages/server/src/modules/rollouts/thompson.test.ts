import { createRng, logBeta } from '@trestle/stats'
import { expect, test } from 'vitest'
import { chanceOfBetter, type Arm } from './thompson.ts'

const binary = (n: number, hits: number): Arm => {
  const mean = hits / n
  return { n, mean, variance: mean * (1 - mean), isBinary: true }
}

/** P(B > A) in closed form: Miller, "Formulas for Bayesian A/B Testing" (evanmiller.org/bayesian-ab-testing.html), equation 6. */
function closedForm(candidate: Arm, baseline: Arm): number {
  const of = ({ n, mean }: Arm) => ({
    a: 1 + Math.round(n * mean),
    b: 1 + n - Math.round(n * mean),
  })
  const [b, a] = [of(candidate), of(baseline)]
  let sum = 0
  for (let i = 0; i < b.a; i++)
    sum += Math.exp(
      logBeta(a.a + i, b.b + a.b) - Math.log(b.b + i) - logBeta(1 + i, b.b) - logBeta(a.a, a.b)
    )
  return sum
}

test('the chance of being the better of two coins agrees with the closed form', () => {
  for (const [n, mine, m, other] of [
    [100, 60, 100, 50],
    [40, 3, 400, 20],
    [200, 199, 200, 190],
    [50, 0, 50, 0],
  ] as const) {
    const [candidate, baseline] = [binary(n, mine), binary(m, other)]
    expect(chanceOfBetter(candidate, baseline)).toBeCloseTo(closedForm(candidate, baseline), 3)
  }
})

test('of numbers it is the normal posterior of the difference, and nothing is said of a few', () => {
  const arm = (n: number, mean: number, variance: number): Arm => ({
    n,
    mean,
    variance,
    isBinary: false,
  })
  // z = 1 / sqrt(4/100 + 4/100) = 3.5355: the normal distribution function there.
  expect(chanceOfBetter(arm(100, 11, 4), arm(100, 10, 4))).toBeCloseTo(0.999797, 5)
  expect(chanceOfBetter(arm(29, 11, 4), arm(100, 10, 4))).toBeNull()
  expect(chanceOfBetter(arm(100, 1, 0), arm(100, 1, 0))).toBe(0.5)
})

test('a split by that chance costs less reward than half and half, whichever arm is better', () => {
  const regret = (split: 'bandit' | 'half', rates: { candidate: number; baseline: number }) => {
    const rng = createRng(5)
    const best = Math.max(rates.candidate, rates.baseline)
    let lost = 0
    for (let life = 0; life < 30; life++) {
      const sums = { candidate: { n: 0, hits: 0 }, baseline: { n: 0, hits: 0 } }
      let share = 0.5
      for (let i = 0; i < 4_000; i++) {
        const side = rng() < share ? 'candidate' : 'baseline'
        sums[side].n++
        if (rng() < rates[side]) sums[side].hits++
        lost += best - rates[side]
        if (split === 'half' || i % 200 !== 199) continue
        const chance = chanceOfBetter(
          binary(sums.candidate.n, sums.candidate.hits),
          binary(sums.baseline.n, sums.baseline.hits)
        )
        if (chance !== null) share = Math.min(0.95, Math.max(0.05, chance))
      }
    }
    return lost
  }
  for (const rates of [
    { candidate: 0.12, baseline: 0.1 },
    { candidate: 0.05, baseline: 0.1 },
  ])
    expect(regret('bandit', rates)).toBeLessThan(0.6 * regret('half', rates))
})
