/** What one row's prediction is made of: each feature's share of the distance from the mean prediction of the background to this row's. */
export type Attribution = Readonly<{
  /** Mean prediction of the background. */
  base: number
  /** Prediction of the row. */
  value: number
  /** By feature; with `base` they sum to `value`. */
  shares: readonly number[]
  method: 'exact' | 'sampled'
}>

/** The model as a function: one number for each row. */
export type Score = (rows: readonly (readonly number[])[]) => Promise<ArrayLike<number>>

export type ShapleySettings = Readonly<{
  /** Rows that the model may be asked for one explanation, about. */
  maxRows: number
  /** From 0 up to, not with, 1; the same sequence for the same request. */
  random: () => number
}>

/**
 * Interventional Shapley values: features outside a coalition take the background's values (Štrumbelj & Kononenko 2014; Lundberg & Lee 2017). Exact over
 * all coalitions when that many rows may be asked, else over random orders of the features, each with its reverse, which halves the variance
 * (Mitchell et al. 2022, antithetic permutations). Sampled shares sum exactly too.
 */
export async function shapley(
  score: Score,
  { row, background }: { row: readonly number[]; background: readonly (readonly number[])[] },
  settings: ShapleySettings
): Promise<Attribution> {
  const coalitions = 2 ** row.length
  return coalitions * background.length <= settings.maxRows
    ? exact(score, row, background)
    : sampled(score, { row, background }, settings)
}

async function exact(
  score: Score,
  row: readonly number[],
  background: readonly (readonly number[])[]
): Promise<Attribution> {
  const features = row.length
  const count = 2 ** features
  const masks = Array.from({ length: count }, (_, mask) => mask)
  const values = await meansOf(
    score,
    masks.map((mask) => (feature: number) => (mask & (1 << feature)) !== 0),
    { row, background }
  )
  // The weight of a coalition of size s for a feature outside it: s! (n − s − 1)! / n!
  const weights = [1 / features]
  for (let size = 1; size < features; size++)
    weights.push(((weights[size - 1] ?? 0) * size) / (features - size))
  const shares = Array.from({ length: features }, (_, feature) => {
    let share = 0
    for (const mask of masks) {
      if ((mask & (1 << feature)) !== 0) continue
      const gain = (values[mask | (1 << feature)] ?? 0) - (values[mask] ?? 0)
      share += (weights[sizeOf(mask)] ?? 0) * gain
    }
    return share
  })
  return { base: values[0] ?? 0, value: values[count - 1] ?? 0, shares, method: 'exact' }
}

async function sampled(
  score: Score,
  { row, background }: { row: readonly number[]; background: readonly (readonly number[])[] },
  { maxRows, random }: ShapleySettings
): Promise<Attribution> {
  const features = row.length
  const perOrder = (features + 1) * background.length
  const pairs = Math.max(1, Math.floor(maxRows / perOrder / 2))
  const shares = new Array<number>(features).fill(0)
  let base = 0
  let value = 0
  for (let pair = 0; pair < pairs; pair++) {
    const order = shuffled(features, random)
    for (const each of [order, order.toReversed()]) {
      const places = new Map(each.map((feature, place) => [feature, place]))
      const values = await meansOf(
        score,
        Array.from(
          { length: features + 1 },
          (_, taken) => (feature: number) => (places.get(feature) ?? 0) < taken
        ),
        { row, background }
      )
      base = values[0] ?? 0
      value = values[features] ?? 0
      for (const [place, feature] of each.entries())
        shares[feature] =
          (shares[feature] ?? 0) + ((values[place + 1] ?? 0) - (values[place] ?? 0)) / (pairs * 2)
    }
  }
  return { base, value, shares, method: 'sampled' }
}

/** Mean prediction over the background for each coalition. */
async function meansOf(
  score: Score,
  coalitions: readonly ((feature: number) => boolean)[],
  { row, background }: { row: readonly number[]; background: readonly (readonly number[])[] }
): Promise<number[]> {
  const rows = coalitions.flatMap((isIn) =>
    background.map((other) =>
      row.map((own, feature) => (isIn(feature) ? own : (other[feature] ?? 0)))
    )
  )
  const scores = await score(rows)
  return coalitions.map((_, i) => {
    let sum = 0
    for (let j = 0; j < background.length; j++) sum += scores[i * background.length + j] ?? 0
    return sum / background.length
  })
}

function sizeOf(mask: number): number {
  let size = 0
  for (let left = mask; left !== 0; left &= left - 1) size++
  return size
}

/** Fisher and Yates. */
function shuffled(length: number, random: () => number): number[] {
  const order = Array.from({ length }, (_, i) => i)
  for (let i = length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const held = order[i] ?? 0
    order[i] = order[j] ?? 0
    order[j] = held
  }
  return order
}
