import type { Outcome } from '../outcome.ts'
import { requireOption, undefinedBecause } from '../outcome.ts'
import type { Rng } from '../random.ts'
import { shuffle } from '../random.ts'
import type { Numbers } from '../samples.ts'
import { normalSf } from '../special/normal.ts'
import { factor, solve } from './cholesky.ts'
import { hashedNgrams } from './hashed-ngrams.ts'
import { prepareVectors } from './prepare-vectors.ts'

export type DomainOptions = {
  readonly rng: Rng
  readonly folds?: number
  readonly permutations?: number
  /** Rows drawn of each side, at most. */
  readonly maximumRows?: number
}

export type DomainOutcome = Outcome<{
  /** 0.5: the sides cannot be told apart; 1: they can always. Of rows that the classifier had not seen. */
  auc: number
  pValue: number
}>

const SMALLEST_FOLD = 2

/**
 * Can a classifier tell current vectors from reference ones? Ridge discriminant over values and their squares, cross-validated; the p-value is of a
 * permutation test that trains anew for each permutation, so it holds at any size and dimension. When no permutation comes near, it is the tail of a
 * normal fitted to them. Vectors with a NaN are left out; beyond 128 dimensions they are projected at random.
 */
export function domainClassifierDrift(
  reference: readonly Numbers[],
  current: readonly Numbers[],
  options: DomainOptions
): DomainOutcome {
  const prepared = prepareVectors(reference, current, {
    rng: options.rng,
    maximumRows: options.maximumRows ?? 1000,
  })
  return prepared.kind === 'undefined' ? prepared : judge(prepared, options)
}

/** `domainClassifierDrift` of texts in any language, through their hashed n-grams. */
export function textDomainDrift(
  reference: readonly string[],
  current: readonly string[],
  options: DomainOptions
): DomainOutcome {
  const { rng, maximumRows = 1000 } = options
  const vectors = (texts: readonly string[]) => {
    const order = Uint32Array.from(texts, (_, i) => i)
    const count = Math.min(texts.length, maximumRows)
    shuffle(order, rng, count)
    return Array.from(order.subarray(0, count), (i) => hashedNgrams(texts[i]!))
  }
  const prepared = prepareVectors(vectors(reference), vectors(current), {
    rng,
    maximumRows,
    asTheyAre: true,
  })
  return prepared.kind === 'undefined' ? prepared : judge(prepared, options)
}

type Prepared = { rows: readonly Float64Array[]; referenceCount: number }

function judge({ rows, referenceCount }: Prepared, options: DomainOptions): DomainOutcome {
  const { rng, folds = 5, permutations = 199 } = options
  requireOption(Number.isInteger(folds) && folds >= 2, 'folds must be an integer of at least 2')
  requireOption(permutations >= 1, 'permutations must be at least 1')
  const smaller = Math.min(referenceCount, rows.length - referenceCount)
  if (smaller < folds * SMALLEST_FOLD) return undefinedBecause('too-few-values')
  const parts = stratify(rows, referenceCount, folds).map((part) => ({
    ...part,
    factored: new Float64Array(0),
  }))
  factorWithoutEach(rows, parts)
  const auc = crossValidate(parts)
  if (Number.isNaN(auc)) return undefinedBecause('no-variation')
  let asExtreme = 0
  let sum = 0
  let squares = 0
  for (let i = 0; i < permutations; i++) {
    for (const { labels } of parts) shuffle(labels, rng)
    const permuted = crossValidate(parts)
    if (permuted >= auc) asExtreme++
    sum += permuted
    squares += permuted * permuted
  }
  const mean = sum / permutations
  const deviation = Math.sqrt(Math.max(0, squares / permutations - mean * mean))
  const counted = (asExtreme + 1) / (permutations + 1)
  const fitted = deviation === 0 ? counted : normalSf((auc - mean) / deviation)
  return { kind: 'ok', auc, pValue: asExtreme === 0 ? Math.min(counted, fitted) : counted }
}

type Fold = {
  readonly rows: readonly Float64Array[]
  /** 1 for a current row, 0 for one of the reference. */
  readonly labels: Uint8Array
  /** Cholesky factor of the second moments of all other folds. */
  factored: Float64Array
}

/** Deals both sides evenly over the folds, so that a permutation within a fold is as likely as the truth. */
function stratify(rows: readonly Float64Array[], referenceCount: number, folds: number) {
  return Array.from({ length: folds }, (_, fold) => {
    const mine = rows.map((_row, i) => i).filter((i) => i % folds === fold)
    return {
      rows: mine.map((i) => rows[i]!),
      labels: Uint8Array.from(mine, (i) => (i < referenceCount ? 0 : 1)),
    }
  })
}

function factorWithoutEach(rows: readonly Float64Array[], parts: readonly Fold[]): void {
  const size = rows[0]!.length
  const whole = secondMoments(rows, size)
  for (const part of parts) {
    const own = secondMoments(part.rows, size)
    const rest = whole.map((value, i) => value - own[i]!)
    // The ridge grows with the dimension: the more there is to fit, the less each of it is believed.
    for (let i = 0; i < size; i++) rest[i * size + i]! += size
    part.factored = factor(rest, size)
  }
}

/** The lower triangle of X'X. */
function secondMoments(rows: readonly Float64Array[], size: number): Float64Array {
  const moments = new Float64Array(size * size)
  for (const row of rows)
    for (let i = 0; i < size; i++) {
      const value = row[i]!
      if (value === 0) continue
      const at = i * size
      for (let j = 0; j <= i; j++) moments[at + j]! += value * row[j]!
    }
  return moments
}

/** Area under the ROC curve of each fold under a discriminant trained on the others, over all its pairs. */
function crossValidate(parts: readonly Fold[]): number {
  const size = parts[0]!.rows[0]!.length
  const differences = parts.map((part) => classDifference(part, size))
  const total = new Float64Array(size)
  for (const one of differences) for (let i = 0; i < size; i++) total[i]! += one[i]!
  let wins = 0
  let pairs = 0
  for (const [fold, part] of parts.entries()) {
    const weights = solve(
      part.factored,
      total.map((value, i) => value - differences[fold]![i]!)
    )
    const low: number[] = []
    const high: number[] = []
    for (const [i, row] of part.rows.entries()) {
      let score = 0
      for (let j = 0; j < size; j++) score += weights[j]! * row[j]!
      ;(part.labels[i] === 1 ? high : low).push(score)
    }
    wins += countWins(Float64Array.from(low).sort(), Float64Array.from(high).sort())
    pairs += low.length * high.length
  }
  return wins / pairs
}

/** X'y with classes that weigh the same: mean of the current rows less mean of the others, times the fold's size. */
function classDifference({ rows, labels }: Fold, size: number): Float64Array {
  let current = 0
  for (const label of labels) current += label
  const weight = [-rows.length / (rows.length - current), rows.length / current]
  const sum = new Float64Array(size)
  for (const [i, row] of rows.entries()) {
    const by = weight[labels[i]!]!
    for (let j = 0; j < size; j++) sum[j]! += by * row[j]!
  }
  return sum
}

/** Pairs in which the higher side is above the lower one, ties as halves; both ascending. */
function countWins(low: Float64Array, high: Float64Array): number {
  let wins = 0
  let below = 0
  let upTo = 0
  for (const value of high) {
    while (below < low.length && low[below]! < value) below++
    while (upTo < low.length && low[upTo]! <= value) upTo++
    wins += (below + upTo) / 2
  }
  return wins
}
