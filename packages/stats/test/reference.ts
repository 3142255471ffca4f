import { readFileSync } from 'node:fs'

/** Values computed with scipy 1.17.1; `exp` maps a test's name to its number or [statistic, p-value]. */
type ReferenceCase = {
  name: string
  type: 'num' | 'cat_counts'
  ref: number[]
  cur: number[]
  exp: Record<string, number | number[]>
}

type Reference = {
  cases: ReferenceCase[]
  multiple: { p: number[]; bh: number[]; by: number[]; bonferroni: number[] }
  special: Record<
    'kolmogorov_sf' | 'chi2_sf' | 't_sf' | 'norm_sf' | 'beta_ppf' | 'gammaln',
    number[][]
  >
  binom_ci: { k: number; n: number; wilson95: [number, number]; clopper95: [number, number] }[]
}

type Streams = { s1: number[]; s2: number[]; s3: number[]; expected: Record<string, number[]> }

/** Values computed with NannyML 0.13.1 and scikit-learn. */
type Estimation = {
  cbpe: {
    reference: { score: number[]; label: number[] }
    current: { score: number[]; label: number[] }
    calibrated: { at: number[]; value: number[] }
    estimated: Record<'accuracy' | 'precision' | 'recall' | 'f1' | 'auc', number>
    realised: { accuracy: number }
  }
  dle: {
    reference: { a: number[]; b: number[]; k: string[]; yhat: number[]; y: number[] }
    current: { a: number[]; b: number[]; k: string[]; yhat: number[]; y: number[] }
    estimated: { mae: number; rmse: number }
    realised: { mae: number }
    referenceMae: number
  }
  ndcg: { relevance: number[]; score: number[]; at: number; value: number }[]
}

// A parse boundary: these files are part of the tests, their shape is theirs.
const read = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`./vectors/${name}.json`, import.meta.url), 'utf8'))

export const reference = read('scipy_reference') as Reference
export const streams = read('drift_streams') as Streams
export const estimation = read('estimation') as Estimation

export const numericCases = reference.cases.filter((one) => one.type === 'num')
export const countCases = reference.cases.filter((one) => one.type === 'cat_counts')

/** Unwraps an outcome that must have an answer. */
export function ok<T extends { kind: string }>(outcome: T): Extract<T, { kind: 'ok' }> {
  if (outcome.kind !== 'ok') throw new Error(`expected an answer: ${JSON.stringify(outcome)}`)
  return outcome as Extract<T, { kind: 'ok' }>
}

/** Standard normal draws from a uniform generator (Box and Muller). */
export function normals(rng: () => number, count: number, mean = 0, scale = 1): Float64Array {
  return Float64Array.from({ length: count }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - rng()))
    return mean + scale * radius * Math.cos(2 * Math.PI * rng())
  })
}
