/** Runs of a model with one number of rows, and how long they took on average. */
export type BatchSize = Readonly<{ rows: number; runs: number; meanMs: number }>

/** How long a run takes: `fixedMs + perRowMs · rows`. */
export type BatchFit = Readonly<{
  fixedMs: number
  perRowMs: number
  runs: number
  /** Share of the variance between sizes that the line explains. */
  r2: number
  largestRows: number
}>

const MIN_RUNS = 30
/** A larger batch is worth nothing more from here on: within a tenth of what no batch can beat. */
const NEAR = 1.1

/** Least squares over the measured sizes, each weighted by its runs. Null when too little was measured, or batches do not get slower with their rows. */
export function fitBatches(sizes: readonly BatchSize[]): BatchFit | null {
  const runs = sum(sizes, ({ runs: n }) => n)
  if (sizes.length < 2 || runs < MIN_RUNS) return null
  const meanRows = sum(sizes, (size) => size.runs * size.rows) / runs
  const meanMs = sum(sizes, (size) => size.runs * size.meanMs) / runs
  const sxx = sum(sizes, ({ runs: n, rows }) => n * (rows - meanRows) ** 2)
  const sxy = sum(sizes, ({ runs: n, rows, meanMs: ms }) => n * (rows - meanRows) * (ms - meanMs))
  const syy = sum(sizes, ({ runs: n, meanMs: ms }) => n * (ms - meanMs) ** 2)
  const perRowMs = sxy / sxx
  if (!(perRowMs > 0)) return null
  return {
    fixedMs: Math.max(0, meanMs - perRowMs * meanRows),
    perRowMs,
    runs,
    r2: syy === 0 ? 1 : sxy ** 2 / (sxx * syy),
    largestRows: Math.max(...sizes.map(({ rows }) => rows)),
  }
}

export const runMs = (fit: BatchFit, rows: number): number => fit.fixedMs + fit.perRowMs * rows

/** Dollars for a million rows in batches of `rows`, on a unit that costs `usdPerHour` and is always busy. */
export const usdPerMillion = (fit: BatchFit, rows: number, usdPerHour: number): number =>
  ((runMs(fit, rows) / rows) * 1e6 * usdPerHour) / 3.6e6

/** The smallest batch that is nearly as cheap as an endless one: there, a run's fixed time is a tenth of the time of its rows. */
export const enoughRows = (fit: BatchFit): number =>
  Math.max(1, Math.ceil(fit.fixedMs / (fit.perRowMs * (NEAR - 1)) - 1e-9))

const sum = (sizes: readonly BatchSize[], pick: (size: BatchSize) => number): number =>
  sizes.reduce((total, size) => total + pick(size), 0)
