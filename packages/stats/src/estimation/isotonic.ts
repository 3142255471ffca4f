import type { Numbers } from '../samples.ts'

/** A rising step-free curve through points: linear between them, level beyond. */
export type Isotonic = {
  readonly at: readonly number[]
  readonly value: readonly number[]
}

/**
 * Isotonic regression by pooling adjacent violators (Ayer et al. 1955): the rising curve closest to `y` over `x`. Equal `x` count as one point with
 * their mean. Points inside a level stretch are left out, as they change nothing.
 */
export function fitIsotonic(x: Numbers, y: Numbers): Isotonic {
  const order = Array.from(x, (_value, i) => i).sort((a, b) => x[a]! - x[b]!)
  const points: { at: number; sum: number; weight: number }[] = []
  for (const i of order) {
    const last = points.at(-1)
    if (last !== undefined && last.at === x[i]) {
      last.sum += y[i]!
      last.weight++
    } else points.push({ at: x[i]!, sum: y[i]!, weight: 1 })
  }
  const blocks: { from: number; to: number; sum: number; weight: number }[] = []
  for (const { at, sum, weight } of points) {
    let block = { from: at, to: at, sum, weight }
    for (let last = blocks.at(-1); last !== undefined; last = blocks.at(-1)) {
      if (last.sum / last.weight < block.sum / block.weight) break
      block = {
        from: last.from,
        to: block.to,
        sum: last.sum + block.sum,
        weight: last.weight + block.weight,
      }
      blocks.pop()
    }
    blocks.push(block)
  }
  const at: number[] = []
  const value: number[] = []
  for (const { from, to, sum, weight } of blocks)
    for (const end of from === to ? [from] : [from, to]) {
      at.push(end)
      value.push(sum / weight)
    }
  return { at, value }
}

/** The curve's value; NaN for NaN, and for a curve without points. */
export function isotonicAt({ at, value }: Isotonic, x: number): number {
  if (at.length === 0 || Number.isNaN(x)) return NaN
  let low = 0
  let high = at.length - 1
  if (x <= at[low]!) return value[low]!
  if (x >= at[high]!) return value[high]!
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (at[middle]! <= x) low = middle
    else high = middle
  }
  const share = (x - at[low]!) / (at[high]! - at[low]!)
  return value[low]! + share * (value[high]! - value[low]!)
}
