import type { Numbers } from '../samples.ts'

/**
 * Normalised discounted cumulative gain of the first `k` (Järvelin and Kekäläinen 2002), gains as they are given. Items with equal scores share their
 * mean gain. Null when no item is relevant: then every order is as good.
 */
export function ndcgAt(relevance: Numbers, scores: Numbers, k: number): number | null {
  const ideal = Array.from(relevance).sort((a, b) => b - a)
  const best = discounted(ideal, k)
  if (best <= 0) return null
  return discounted(byScore(relevance, scores), k) / best
}

/**
 * Average precision of the first `k`: at each relevant item (relevance above 0) the share of relevant ones so far, over as many as could have been
 * found. Its mean over rankings is MAP at k. Null when no item is relevant.
 */
export function averagePrecisionAt(relevance: Numbers, scores: Numbers, k: number): number | null {
  const order = orderOf(scores)
  const total = Array.from(relevance).filter((value) => value > 0).length
  if (total === 0) return null
  let found = 0
  let sum = 0
  for (let rank = 0; rank < Math.min(k, order.length); rank++)
    if (relevance[order[rank]!]! > 0) {
      found++
      sum += found / (rank + 1)
    }
  return sum / Math.min(total, k)
}

const orderOf = (scores: Numbers): number[] =>
  Array.from(scores, (_score, i) => i).sort((a, b) => scores[b]! - scores[a]!)

/** Gains in order of score. */
function byScore(relevance: Numbers, scores: Numbers): number[] {
  const order = orderOf(scores)
  const gains: number[] = []
  for (let i = 0; i < order.length;) {
    let end = i
    while (end < order.length && scores[order[end]!] === scores[order[i]!]) end++
    let sum = 0
    for (let j = i; j < end; j++) sum += relevance[order[j]!]!
    for (let j = i; j < end; j++) gains.push(sum / (end - i))
    i = end
  }
  return gains
}

function discounted(gains: readonly number[], k: number): number {
  let sum = 0
  for (let rank = 0; rank < Math.min(k, gains.length); rank++)
    sum += gains[rank]! / Math.log2(rank + 2)
  return sum
}
