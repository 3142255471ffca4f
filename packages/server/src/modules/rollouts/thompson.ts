/**
 * The share of a two-armed bandit by Thompson sampling: an arm gets traffic with the probability that it is the better one, given what is known
 * (Thompson 1933; Chapelle and Li 2011). Drawing anew for each request would give this share on average; giving it by weight keeps callers sticky.
 */
import { betaI, betaQuantile, normalCdf } from '@trestle/stats'
import type { MeanFacts } from './ports.ts'

export type Arm = MeanFacts & Readonly<{ isBinary: boolean }>

/** Fewest rewards of either arm before the split moves: a posterior of less is mostly prior. */
const FEWEST = 30
const GRID = 200

/** The chance that `candidate` has the higher mean reward; null while there is too little of either. */
export function chanceOfBetter(candidate: Arm, baseline: Arm): number | null {
  if (Math.min(candidate.n, baseline.n) < FEWEST) return null
  return candidate.isBinary && baseline.isBinary
    ? betaChance(candidate, baseline)
    : normalChance(candidate, baseline)
}

/** Of 0 and 1: beta posteriors under a uniform prior, integrated over the quantiles of one. */
function betaChance(candidate: MeanFacts, baseline: MeanFacts): number {
  const mine = posterior(candidate)
  const other = posterior(baseline)
  let sum = 0
  for (let i = 0; i < GRID; i++) {
    const x = betaQuantile((i + 0.5) / GRID, mine.a, mine.b)
    sum += betaI(other.a, other.b, x)
  }
  return sum / GRID
}

const posterior = ({ n, mean }: MeanFacts): { a: number; b: number } => ({
  a: 1 + n * mean,
  b: 1 + n * (1 - mean),
})

/** Of any number: normal posteriors of the means under a flat prior. */
function normalChance(candidate: MeanFacts, baseline: MeanFacts): number {
  const spread = Math.sqrt(candidate.variance / candidate.n + baseline.variance / baseline.n)
  const difference = candidate.mean - baseline.mean
  if (spread === 0) return difference === 0 ? 0.5 : difference > 0 ? 1 : 0
  return normalCdf(difference / spread)
}
