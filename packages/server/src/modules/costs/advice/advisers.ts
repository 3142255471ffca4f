/** What costs could be saved, each with the numbers that say so. Null numbers are not known; what is not known is never advised. */
import type { CostAdvice } from '@trestle/contract'
import type { ShadowComparison } from '../../monitoring/index.ts'
import type { MeasuredBatches } from '../../serving/index.ts'
import { enoughRows, fitBatches, runMs, usdPerMillion } from './batch-fit.ts'
import { breakEven, TARGET_USE, unitsFor, usdPerHourFor, type Worker } from './break-even.ts'

const HOURS_A_MONTH = 730

type Numbers = CostAdvice['numbers']
const number = (name: string, value: number | null, unit: string): Numbers[number] => ({
  name,
  value: value === null || !Number.isFinite(value) ? null : Number(value.toPrecision(6)),
  unit,
})

/** Cost against batch size, fitted from the runs of a model that were measured. */
export function batchAdvice(
  of: MeasuredBatches,
  load: { usdPerHour: number; rowsPerSecond: number }
): CostAdvice | null {
  const fit = fitBatches(of.sizes)
  if (fit === null || !of.isBatched) return null
  const runs = of.sizes.reduce((sum, size) => sum + size.runs, 0)
  const now = of.sizes.reduce((sum, size) => sum + size.runs * size.rows, 0) / runs
  // A line is not followed far beyond what was measured.
  const reach = Math.min(of.maxBatchRows, fit.largestRows * 2)
  const rows = Math.min(enoughRows(fit), reach)
  const usd = (size: number): number => usdPerMillion(fit, size, load.usdPerHour)
  const saved = ((usd(now) - usd(rows)) / 1e6) * load.rowsPerSecond * 3_600 * HOURS_A_MONTH
  const isWorthIt = rows > now && usd(rows) < 0.9 * usd(now)
  const sizes = [1, 2, 4, 8, 16, 32, 64, 128, 256].filter((size) => size <= reach)
  return {
    kind: 'batch-size',
    subject: `${of.endpoint}/${of.variant}`,
    verdict: isWorthIt ? 'worth-it' : 'not-worth-it',
    says: isWorthIt
      ? `Batches of ${rows} rows would make a prediction ${percent(1 - usd(rows) / usd(now))} cheaper than batches of ${now.toFixed(1)} do`
      : `Batches of ${now.toFixed(1)} rows are near what batches can save`,
    savesUsdPerMonth: isWorthIt ? saved : null,
    numbers: [
      number('a run', fit.fixedMs, 'ms'),
      number('each row of it', fit.perRowMs, 'ms'),
      number('explained by the line', fit.r2, 'share'),
      number('measured runs', fit.runs, 'runs'),
      number('batch now', now, 'rows'),
      number('batch advised', rows, 'rows'),
      number('a run of it', runMs(fit, rows), 'ms'),
      number('a million predictions now', usd(now), 'USD'),
      number('a million predictions then', usd(rows), 'USD'),
      number('price of the unit', load.usdPerHour, 'USD/h'),
    ],
    curve: {
      x: 'rows of a batch',
      y: 'USD for a million predictions',
      points: sizes.map((size) => ({ x: size, y: usd(size) })),
    },
  }
}

/** Units of a device that are paid for and would not be missed in the busiest hour. */
export function idleAdvice(of: {
  device: string
  units: number
  usdPerHour: number
  /** Of the busiest hour, 0 to 1: what predictions own, and what the driver told. */
  meteredPeak: number
  measuredPeak: number | null
  hours: number
}): CostAdvice | null {
  if (of.units <= 1 || of.hours < 1) return null
  const peak = Math.max(of.meteredPeak, of.measuredPeak ?? 0)
  const needed = Math.max(1, Math.ceil((peak * of.units) / TARGET_USE - 1e-9))
  const spare = Math.max(0, of.units - needed)
  return {
    kind: 'idle-capacity',
    subject: of.device,
    verdict: spare > 0 ? 'worth-it' : 'not-worth-it',
    says:
      spare > 0
        ? `${spare} of ${of.units} units of ${of.device} stood idle in the busiest hour`
        : `All ${of.units} units of ${of.device} are needed in the busiest hour`,
    savesUsdPerMonth: spare > 0 ? spare * of.usdPerHour * HOURS_A_MONTH : null,
    numbers: [
      number('paid units', of.units, 'units'),
      number('busiest hour, by predictions', of.meteredPeak, 'share'),
      number('busiest hour, as the driver tells', of.measuredPeak, 'share'),
      number('needed at 70 % use', needed, 'units'),
      number('price of a unit', of.usdPerHour, 'USD/h'),
      number('looked at', of.hours, 'hours'),
    ],
    curve: null,
  }
}

/** From which load on another kind of device is cheaper, for two variants of one endpoint that were measured on both. */
export function deviceAdvice(of: {
  endpoint: string
  small: Worker & { variant: string; device: string }
  large: Worker & { variant: string; device: string }
  peakRowsPerSecond: number
}): CostAdvice {
  const { small, large, peakRowsPerSecond } = of
  const from = breakEven(small, large)
  const isBeyond = from !== null && peakRowsPerSecond > from
  const [before, after] = [small, large].map((w) => usdPerHourFor(w, peakRowsPerSecond)) as [
    number,
    number,
  ]
  const reach = Math.max(peakRowsPerSecond, from ?? 0) * 2 || small.rowsPerSecond
  const loads = Array.from({ length: 9 }, (_, i) => (reach * i) / 8)
  return {
    kind: 'cpu-or-gpu',
    subject: of.endpoint,
    verdict: isBeyond ? 'worth-it' : 'not-worth-it',
    says:
      from === null
        ? `${large.variant} on ${large.device} never is cheaper than ${small.variant} on ${small.device}: a row costs more there even when it is full`
        : `${large.variant} on ${large.device} is cheaper than ${small.variant} on ${small.device} from ${from.toPrecision(3)} rows a second on; the busiest hour had ${peakRowsPerSecond.toPrecision(3)}`,
    savesUsdPerMonth: isBeyond ? (before - after) * HOURS_A_MONTH : null,
    numbers: [
      number(`${small.device} unit`, small.rowsPerSecond, 'rows/s'),
      number(`${small.device} unit`, small.usdPerHour, 'USD/h'),
      number(`${large.device} unit`, large.rowsPerSecond, 'rows/s'),
      number(`${large.device} unit`, large.usdPerHour, 'USD/h'),
      number('break-even', from, 'rows/s'),
      number('busiest hour', peakRowsPerSecond, 'rows/s'),
      number(`${small.device} units then`, unitsFor(small, peakRowsPerSecond), 'units'),
      number(`${large.device} units then`, unitsFor(large, peakRowsPerSecond), 'units'),
    ],
    curve: {
      x: 'rows a second',
      y: `USD an hour saved by ${large.device}`,
      points: loads.map((x) => ({ x, y: usdPerHourFor(small, x) - usdPerHourFor(large, x) })),
    },
  }
}

const MIN_PAIRS = 100
const MIN_LABELLED = 30

/** Whether the cheaper of two models that answered the same requests is as good: its price and its quality together. */
export function shadowAdvice(of: {
  endpoint: string
  primary: { variant: string; usdPer1000: number | null; predictionsPerMonth: number }
  shadow: { variant: string; usdPer1000: number | null }
  comparison: ShadowComparison
}): CostAdvice {
  const { primary, shadow, comparison } = of
  const labelled = comparison.mcnemar
  const isLabelled = labelled !== null && labelled.labelledPairs >= MIN_LABELLED
  const errors = comparison.pairs === 0 ? null : comparison.shadowErrors / comparison.pairs
  const saved =
    primary.usdPer1000 === null || shadow.usdPer1000 === null
      ? null
      : primary.usdPer1000 - shadow.usdPer1000
  const isAsGood = isLabelled
    ? labelled.onlyShadowRight >= labelled.onlyPrimaryRight || (labelled.pValue ?? 0) >= 0.05
    : comparison.agreement === null
      ? null
      : comparison.agreement >= 0.95
  const verdict =
    comparison.pairs < MIN_PAIRS || saved === null || isAsGood === null
      ? 'insufficient'
      : saved > 0 && isAsGood && (errors ?? 0) <= 0.01
        ? 'worth-it'
        : 'not-worth-it'
  const quality = isLabelled
    ? `of ${labelled.labelledPairs} labelled pairs only it was right in ${labelled.onlyShadowRight}, only ${primary.variant} in ${labelled.onlyPrimaryRight}`
    : comparison.agreement === null
      ? 'their answers can not be compared without labels'
      : `they agree on ${percent(comparison.agreement)} of ${comparison.pairs} requests`
  const price =
    saved === null
      ? 'one of them has no price'
      : saved > 0
        ? `costs ${percent(saved / (primary.usdPer1000 ?? 1))} less`
        : 'costs no less'
  return {
    kind: 'cheaper-model',
    subject: `${of.endpoint}/${shadow.variant}`,
    verdict,
    says: `${shadow.variant} ${price} than ${primary.variant}; ${quality}`,
    savesUsdPerMonth:
      verdict === 'worth-it' && saved !== null
        ? (saved * primary.predictionsPerMonth) / 1_000
        : null,
    numbers: [
      number(`1,000 predictions of ${primary.variant}`, primary.usdPer1000, 'USD'),
      number(`1,000 predictions of ${shadow.variant}`, shadow.usdPer1000, 'USD'),
      number('compared', comparison.pairs, 'pairs'),
      number('agreement', comparison.agreement, 'share'),
      number('mean difference of scores', comparison.meanAbsDiff, ''),
      number('labelled', labelled?.labelledPairs ?? null, 'pairs'),
      number('only the cheaper right', labelled?.onlyShadowRight ?? null, 'pairs'),
      number('only the dearer right', labelled?.onlyPrimaryRight ?? null, 'pairs'),
      number('p of that difference', labelled?.pValue ?? null, ''),
      number('errors of the cheaper', errors, 'share'),
      number('latency, cheaper to dearer', comparison.latencyRatio, 'ratio'),
    ],
    curve: null,
  }
}

/** What the response cache of an LLM saved. */
export function cacheAdvice(of: {
  endpoint: string
  hits: number
  calls: number
  tokens: number
  /** Null: the model has no price. */
  savedUsd: number | null
  hours: number
}): CostAdvice | null {
  if (of.hits === 0) return null
  return {
    kind: 'cache',
    subject: of.endpoint,
    verdict: 'worth-it',
    says: `The cache answered ${percent(of.hits / of.calls)} of the calls, and spared ${of.tokens} tokens`,
    savesUsdPerMonth: of.savedUsd === null ? null : (of.savedUsd / of.hours) * HOURS_A_MONTH,
    numbers: [
      number('answered from the cache', of.hits, 'calls'),
      number('all calls', of.calls, 'calls'),
      number('tokens not bought', of.tokens, 'tokens'),
      number('not spent', of.savedUsd, 'USD'),
      number('looked at', of.hours, 'hours'),
    ],
    curve: null,
  }
}

const percent = (share: number): string => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`
