import { expect, test } from 'vitest'
import { reference } from '../../test/reference.ts'
import { chi2Sf, studentTQuantile, studentTSf } from './distributions.ts'
import { logBeta, logGamma } from './gamma.ts'
import { betaQuantile } from './incomplete-beta.ts'
import { kolmogorovOneSampleSf, kolmogorovSf } from './kolmogorov.ts'
import { erf, erfc, normalCdf, normalQuantile, normalSf } from './normal.ts'

const relative = (actual: number, expected: number) =>
  Math.abs(actual - expected) / Math.max(Math.abs(expected), 1e-300)

test('special functions agree with the published values to ten digits', () => {
  const { special } = reference
  for (const [x, e] of special.kolmogorov_sf)
    expect(relative(kolmogorovSf(x!), e!)).toBeLessThan(1e-10)
  for (const [x, d, e] of special.chi2_sf) expect(relative(chi2Sf(x!, d!), e!)).toBeLessThan(1e-10)
  for (const [x, d, e] of special.t_sf) expect(relative(studentTSf(x!, d!), e!)).toBeLessThan(1e-10)
  for (const [x, e] of special.norm_sf) expect(relative(normalSf(x!), e!)).toBeLessThan(1e-10)
  for (const [p, a, b, e] of special.beta_ppf)
    expect(relative(betaQuantile(p!, a!, b!), e!)).toBeLessThan(1e-10)
  for (const [x, e] of special.gammaln)
    expect(Math.abs(logGamma(x!) - e!)).toBeLessThan(1e-14 * Math.max(1, e! * 10))
})

test('quantiles invert their distributions, far tails included', () => {
  for (const p of [1e-300, 1e-12, 0.001, 0.2, 0.5, 0.8, 0.999]) {
    expect(relative(normalCdf(normalQuantile(p)), p)).toBeLessThan(1e-12)
    if (p > 1e-15)
      for (const df of [1, 4.5, 300])
        expect(relative(studentTSf(-studentTQuantile(p, df), df), p)).toBeLessThan(1e-10)
  }
  expect(erf(0.3) + erfc(0.3)).toBeCloseTo(1, 15)
})

test('the one-sample Kolmogorov distribution agrees with scipy 1.17.1 on each of its branches', () => {
  // scipy.stats.kstwo.sf(d, n)
  expect(kolmogorovOneSampleSf(0.625, 4)).toBeCloseTo(0.04931640625, 12)
  expect(relative(kolmogorovOneSampleSf(0.19, 100), 0.0012339926382722768)).toBeLessThan(1e-9)
  expect(kolmogorovOneSampleSf(0.04210759605332595, 141)).toBeCloseTo(0.9549094893418928, 9)
  expect(kolmogorovOneSampleSf(0.016, 10000)).toBeCloseTo(0.011823127020348706, 8)
})

test('functions answer NaN outside their domain and never throw', () => {
  for (const value of [
    logGamma(-1),
    betaQuantile(2, 1, 1),
    normalQuantile(-0.1),
    kolmogorovSf(NaN),
  ])
    expect(value).toBeNaN()
})

test('ln B(a, 1/2) keeps its digits at a = 1e6, where a difference of logGamma loses nine', () => {
  // ln Gamma(1/2) - ln(a)/2 + 1/(8a), next term below 1e-20 (NIST DLMF 5.11.13).
  const expected = 0.5 * Math.log(Math.PI) - 0.5 * Math.log(1e6) + 1 / 8e6
  expect(Math.abs(logBeta(1e6, 0.5) - expected)).toBeLessThan(1e-14)
})
