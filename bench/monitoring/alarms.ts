// How often an alarm is raised where nothing changed, and how soon one is where something did.
import { createRng, domainClassifierDrift, textDomainDrift } from '@trestle/stats'
import { comparisonOptions } from '../../packages/contract/src/index.ts'
import { judgeColumns } from '../../packages/server/src/modules/monitoring/drift/judge-columns.ts'
import { judgeQuality } from '../../packages/server/src/modules/monitoring/drift/quality.ts'
import { peer } from './peers.ts'
import { COLUMNS, defaults, factsOf, normal, referenceOf } from './worlds.ts'

const SIZES = [100, 1_000, 10_000]
const REFERENCE_ROWS = 10_000
/** A reference is unlucky or not as a whole, so there are many of them. */
const WINDOWS_A_REFERENCE = 20

const percent = (rate: number): string =>
  `${(100 * rate).toFixed(rate !== 0 && rate < 0.001 ? 2 : 1)} %`
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [
    `| ${head.join(' | ')} |`,
    `|${head.map((_, i) => (i === 0 ? '---' : '--:')).join('|')}|`,
    ...rows.map((row) => `| ${row.join(' | ')} |`),
  ].join('\n')

export function falseAlarms(windows: number): string {
  const rows = SIZES.map((size) => {
    const rng = createRng(size)
    const found = { alerts: 0, columns: 0, certain: 0 }
    let references = COLUMNS.map((column) => referenceOf(column, REFERENCE_ROWS, rng))
    for (let i = 0; i < windows; i++) {
      if (i % WINDOWS_A_REFERENCE === 0)
        references = COLUMNS.map((column) => referenceOf(column, REFERENCE_ROWS, rng))
      const judged = judgeColumns(
        COLUMNS.map((column, c) => factsOf(references[c]!, column, { rows: size, rng })),
        defaults
      )
      const drifted = judged.filter(({ state }) => state === 'drift').length
      if (drifted > 0) found.alerts++
      found.columns += drifted
      const isCertain = judged.some((c) =>
        [c.adjustedPValue, c.missingPValue, c.outOfRangePValue].some((p) => p !== null && p <= 0.05)
      )
      if (isCertain) found.certain++
    }
    return [
      size.toLocaleString('en'),
      percent(found.alerts / windows),
      ((1_000 * found.columns) / (windows * COLUMNS.length)).toFixed(1),
      percent(found.certain / windows),
      percent(qualityAlarms(size, windows)),
    ]
  })
  return table(
    [
      'rows of a window',
      'windows with drift',
      'columns with drift, of 1,000',
      'p-values alone (no effect size)',
      'quality called worse',
    ],
    rows
  )
}

function qualityAlarms(size: number, windows: number): number {
  const rng = createRng(size + 1)
  const outcomes = (n: number) =>
    Array.from({ length: n }, () => {
      const label = rng() < 0.3 ? 1 : 0
      const predicted = rng() < 0.1 ? 1 - label : label
      return {
        prediction_at: 0,
        label_json: String(label),
        predicted_json: String(predicted),
        score: null,
      }
    })
  const spec = { problem: 'binary' as const, positive: 1, minimumLabels: 50, tolerance: 0.1 }
  let referenceOutcomes = outcomes(REFERENCE_ROWS)
  let worse = 0
  for (let i = 0; i < windows; i++) {
    if (i % WINDOWS_A_REFERENCE === 0) referenceOutcomes = outcomes(REFERENCE_ROWS)
    const now = outcomes(size)
    const judged = judgeQuality(
      { outcomes: now, referenceOutcomes, history: now, predictions: size, from: 0 },
      spec
    )
    if (judged.state === 'worse') worse++
  }
  return worse / windows
}

/** Texts and embeddings cost a second a window: fewer of them. */
export function vectorAlarms(windows: number): string {
  const words = 'where is my parcel order card refund late please help with the last invoice'.split(
    ' '
  )
  const rng = createRng(5)
  const text = () =>
    Array.from({ length: 8 }, () => words[Math.floor(rng() * words.length)] ?? '').join(' ')
  const many = <T>(n: number, make: () => T) => Array.from({ length: n }, make)
  const vector = () => Float64Array.from({ length: 32 }, () => normal(rng))
  const rows = [100, 300].map((size) => {
    const alarms = { texts: 0, vectors: 0, textP: 0, vectorP: 0 }
    for (let i = 0; i < windows; i++) {
      const t = textDomainDrift(many(size, text), many(size, text), { rng })
      const v = domainClassifierDrift(many(size, vector), many(size, vector), { rng })
      if (t.kind !== 'ok' || v.kind !== 'ok') throw new Error('no answer')
      if (t.pValue <= 0.05) alarms.textP++
      if (v.pValue <= 0.05) alarms.vectorP++
      if (t.pValue <= 0.05 && t.auc >= defaults.vectors.threshold) alarms.texts++
      if (v.pValue <= 0.05 && v.auc >= defaults.vectors.threshold) alarms.vectors++
    }
    return [
      size.toLocaleString('en'),
      percent(alarms.texts / windows),
      percent(alarms.textP / windows),
      percent(alarms.vectors / windows),
      percent(alarms.vectorP / windows),
    ]
  })
  return table(
    ['rows of a window', 'texts', 'by p-value alone', 'embeddings', 'by p-value alone'],
    rows
  )
}

const SHIFTS = [0, 0.1, 0.25, 0.5]
type Cell = { column: string; reference: number; rows: number; shift: number }
type Rated = Cell & { test: string; rate: number }

export async function power(runs: number): Promise<string> {
  const cells: Cell[] = []
  for (const reference of [1_000, REFERENCE_ROWS])
    for (const rows of SIZES) {
      for (const shift of SHIFTS) cells.push({ column: 'numeric', reference, rows, shift })
      for (const column of ['5 categories', '20 categories'])
        cells.push({ column, reference, rows, shift: 0 })
    }
  const evidently = (await peer('rates', { cells, runs, seed: 3 })).answer as Rated[] // what peer_side.py prints
  const wasserstein = comparisonOptions.parse({ numeric: { effect: 'wasserstein' } })
  const rateOf = (rated: readonly Rated[], wanted: Cell) =>
    rated.find(
      (r) =>
        r.column === wanted.column &&
        r.reference === wanted.reference &&
        r.rows === wanted.rows &&
        r.shift === wanted.shift
    )
  const lines: string[][] = []
  for (const reference of [1_000, REFERENCE_ROWS])
    for (const rows of SIZES) {
      const about = { reference, rows }
      const name = `${reference.toLocaleString('en')} beside ${rows.toLocaleString('en')}`
      const none = { ...about, shift: 0 }
      const ours = (options: typeof defaults) =>
        SHIFTS.map((shift) =>
          percent(trestleRate({ column: 'numeric', ...about, shift }, runs, options))
        )
      const category = (column: string) => percent(trestleRate({ column, ...none }, runs, defaults))
      lines.push([
        name,
        'Trestle, defaults (PSI)',
        ...ours(defaults),
        category('5 categories'),
        category('20 categories'),
      ])
      lines.push([name, 'Trestle, `effect: wasserstein`', ...ours(wasserstein), '–', '–'])
      const theirs = (column: string, shift: number) =>
        rateOf(evidently, { column, ...about, shift })
      lines.push([
        name,
        `Evidently (${theirs('numeric', 0)?.test ?? ''}; ${theirs('5 categories', 0)?.test ?? ''})`,
        ...SHIFTS.map((shift) => percent(theirs('numeric', shift)?.rate ?? NaN)),
        percent(theirs('5 categories', 0)?.rate ?? NaN),
        percent(theirs('20 categories', 0)?.rate ?? NaN),
      ])
    }
  return table(
    [
      'reference beside window, rows',
      'judge',
      'no shift',
      '0.1 σ',
      '0.25 σ',
      '0.5 σ',
      '5 categories, no drift',
      '20 categories, no drift',
    ],
    lines
  )
}

/** How often a column is called drifted, alone. */
function trestleRate(cell: Cell, runs: number, options: typeof defaults): number {
  const rng = createRng(cell.rows + cell.reference * 7 + cell.shift * 1_000)
  const name = cell.column === 'numeric' ? 'normal' : cell.column
  const column = COLUMNS.find((one) => one.name === name)
  if (column === undefined) throw new Error(`no column ${name}`)
  const moved =
    cell.shift === 0 ? column : { ...column, draw: (r: typeof rng) => column.draw(r) + cell.shift }
  let alarms = 0
  for (let i = 0; i < runs; i++) {
    const known = referenceOf(column, cell.reference, rng)
    const [judged] = judgeColumns(
      [factsOf(known, moved, { rows: cell.rows, rng, options })],
      options
    )
    if (judged?.state === 'drift') alarms++
  }
  return alarms / runs
}
