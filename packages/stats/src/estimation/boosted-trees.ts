import { requireOption } from '../outcome.ts'
import type { Numbers } from '../samples.ts'

/** A model that predicts a number from the columns of a table. NaN is a value like others: it goes to the side where it does better. */
export type BoostedTrees = {
  predict(columns: readonly Numbers[]): Float64Array
}

export type BoostedTreesOptions = {
  readonly trees?: number
  readonly leaves?: number
  readonly learningRate?: number
  readonly minimumInLeaf?: number
}

const BINS = 255
const MISSING = BINS

type Split = { gain: number; column: number; bin: number; isMissingLeft: boolean }
type Leaf = { rows: Int32Array; sum: number; split: Split | null; node: Node }
type Node = { value: number; split: Split | null; left: Node | null; right: Node | null }

/**
 * Gradient-boosted regression trees for squared error, grown leaf by leaf over histograms (Friedman 2001; the growth and the defaults of
 * LightGBM: 100 trees of 31 leaves at a rate of 0.1, 20 rows a leaf). The same rows give the same model.
 */
export function fitBoostedTrees(
  columns: readonly Numbers[],
  target: Numbers,
  options: BoostedTreesOptions = {}
): BoostedTrees {
  const { trees = 100, leaves = 31, learningRate = 0.1, minimumInLeaf = 20 } = options
  requireOption(trees >= 1 && leaves >= 2 && minimumInLeaf >= 1, 'at least one split of one row')
  const edges = columns.map(binEdges)
  const binned = columns.map((column, c) => binAll(column, edges[c]!))
  let start = 0
  for (let i = 0; i < target.length; i++) start += target[i]! / target.length
  const residuals = Float64Array.from(target, (value) => value - start)
  const grown: Node[] = []
  for (let t = 0; t < trees && target.length >= 2 * minimumInLeaf; t++) {
    const tree = growTree(binned, residuals, { leaves, minimumInLeaf, learningRate })
    if (tree.split === null) break
    grown.push(tree)
  }
  return {
    predict(given) {
      const bins = given.map((column, c) => binAll(column, edges[c]!))
      return Float64Array.from({ length: given[0]?.length ?? 0 }, (_, row) => {
        let value = start
        for (const tree of grown) value += descend(tree, bins, row)
        return value
      })
    },
  }
}

/** Grows one tree on the residuals and takes what it explains off them. */
function growTree(
  binned: readonly Uint8Array[],
  residuals: Float64Array,
  options: { leaves: number; minimumInLeaf: number; learningRate: number }
): Node {
  const root = leafOf(
    Int32Array.from(residuals, (_, i) => i),
    residuals
  )
  root.split = bestSplit(root, binned, residuals, options.minimumInLeaf)
  const open: Leaf[] = [root]
  while (open.length < options.leaves) {
    const best = open.reduce((a, b) => ((b.split?.gain ?? 0) > (a.split?.gain ?? 0) ? b : a))
    if (best.split === null) break
    const { split } = best
    const goesLeft = (row: number) => isLeft(split, binned[split.column]![row]!)
    const sides = [
      leafOf(best.rows.filter(goesLeft), residuals),
      leafOf(
        best.rows.filter((row) => !goesLeft(row)),
        residuals
      ),
    ] as const
    for (const side of sides) side.split = bestSplit(side, binned, residuals, options.minimumInLeaf)
    best.node.split = split
    best.node.left = sides[0].node
    best.node.right = sides[1].node
    open.splice(open.indexOf(best), 1, ...sides)
  }
  for (const { node, rows, sum } of open) {
    node.value = (options.learningRate * sum) / rows.length
    for (const row of rows) residuals[row] = residuals[row]! - node.value
  }
  return root.node
}

function leafOf(rows: Int32Array, residuals: Float64Array): Leaf {
  let sum = 0
  for (const row of rows) sum += residuals[row]!
  return { rows, sum, split: null, node: { value: 0, split: null, left: null, right: null } }
}

/** The split that takes most off the squared error; null when none leaves rows enough on both sides. */

function bestSplit(
  { rows, sum }: Leaf,
  binned: readonly Uint8Array[],
  residuals: Float64Array,
  minimum: number
): Split | null {
  const n = rows.length
  if (n < 2 * minimum) return null
  let best: Split | null = null
  const sums = new Float64Array(BINS + 1)
  const counts = new Int32Array(BINS + 1)
  for (const [column, bins] of binned.entries()) {
    sums.fill(0)
    counts.fill(0)
    for (const row of rows) {
      const bin = bins[row]!
      sums[bin] = sums[bin]! + residuals[row]!
      counts[bin] = counts[bin]! + 1
    }
    for (const isMissingLeft of counts[MISSING]! > 0 ? [false, true] : [false]) {
      let leftSum = isMissingLeft ? sums[MISSING]! : 0
      let left = isMissingLeft ? counts[MISSING]! : 0
      for (let bin = 0; bin < BINS; bin++) {
        if (counts[bin] === 0) continue
        leftSum += sums[bin]!
        left += counts[bin]!
        if (left < minimum) continue
        if (n - left < minimum) break
        const rightSum = sum - leftSum
        const gain = leftSum ** 2 / left + rightSum ** 2 / (n - left) - sum ** 2 / n
        if (gain > (best?.gain ?? 1e-12)) best = { gain, column, bin, isMissingLeft }
      }
    }
  }
  return best
}

const isLeft = ({ bin, isMissingLeft }: Split, of: number): boolean =>
  of === MISSING ? isMissingLeft : of <= bin

function descend(tree: Node, bins: readonly Uint8Array[], row: number): number {
  let node = tree
  while (node.split !== null && node.left !== null && node.right !== null)
    node = isLeft(node.split, bins[node.split.column]![row]!) ? node.left : node.right
  return node.value
}

/** Upper edges of at most 255 bins with about equally many rows each; of few different values each has its own. */
function binEdges(column: Numbers): Float64Array {
  const sorted = Float64Array.from(column)
    .filter((value) => !Number.isNaN(value))
    .sort()
  const distinct = sorted.filter((value, i) => i === 0 || value !== sorted[i - 1])
  const values =
    distinct.length <= BINS
      ? distinct
      : Float64Array.from(
          { length: BINS },
          (_, i) => sorted[Math.ceil(((i + 1) * sorted.length) / BINS) - 1]!
        ).filter((value, i, all) => i === 0 || value !== all[i - 1])
  // Half way to the next value: new rows fall to the side that is nearer.
  return values.slice(0, -1).map((value, i) => (value + values[i + 1]!) / 2)
}

function binAll(column: Numbers, edges: Float64Array): Uint8Array {
  return Uint8Array.from(column, (value) => {
    if (Number.isNaN(value)) return MISSING
    let low = 0
    let high = edges.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (edges[middle]! < value) low = middle + 1
      else high = middle
    }
    return low
  })
}
