import type { Rng } from '@trestle/stats'

type Arms<T> = { candidate: T; baseline: T }

/** Two arms side by side, as every judge sees them: counts up to look `k`, and the rate of interval `k` alone. */
export type Trace = Readonly<{
  total: Arms<(k: number) => number>
  errors: Arms<(k: number) => number>
  rate: Arms<(k: number) => number>
}>

export type Scenario = Readonly<{
  name: string
  baseline: number
  candidate: number
  perLook: Arms<number>
}>

export function drawTrace(rng: Rng, scenario: Scenario, looks: number): Trace {
  const draw = (rate: number, n: number): number[] => {
    const sums = [0]
    for (let look = 1; look <= looks; look++) {
      let errors = 0
      for (let i = 0; i < n; i++) if (rng() < rate) errors++
      sums.push((sums[look - 1] ?? 0) + errors)
    }
    return sums
  }
  const candidate = draw(scenario.candidate, scenario.perLook.candidate)
  const baseline = draw(scenario.baseline, scenario.perLook.baseline)
  const at = (sums: readonly number[], k: number): number => sums[k] ?? 0
  const rateOf = (sums: readonly number[], n: number) => (k: number) =>
    (at(sums, k) - at(sums, k - 1)) / n
  return {
    total: {
      candidate: (k) => k * scenario.perLook.candidate,
      baseline: (k) => k * scenario.perLook.baseline,
    },
    errors: { candidate: (k) => at(candidate, k), baseline: (k) => at(baseline, k) },
    rate: {
      candidate: rateOf(candidate, scenario.perLook.candidate),
      baseline: rateOf(baseline, scenario.perLook.baseline),
    },
  }
}
