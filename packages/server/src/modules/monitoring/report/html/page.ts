import type { ColumnReport, ComparisonOptions, DriftDocument } from '@trestle/contract'
import { nameOf } from '../../drift/judge-columns.ts'
import { bars, overlay, pairs } from './charts.ts'
import { SCRIPT, STYLE } from './style.ts'
import { count, escape, number, probability, share, short } from './text.ts'

/** A report stays under this, whatever the number of columns. */
const MOST_BYTES = 480_000
const MOST_CARDS = 60
const WORDS = { ok: 'No drift', drift: 'Drift', insufficient: 'Too little to tell' } as const

/** The report as one HTML page that needs nothing else: no network, no other file. */
export function renderPage(report: DriftDocument): string {
  const drifted = report.columns.filter(({ state }) => state === 'drift')
  const fixed = [segments(report), quality(report), leftOut(report), footer(report)].join('')
  const budget = { left: MOST_BYTES - fixed.length - STYLE.length - SCRIPT.length - 8_000 }
  const cards = within(
    budget,
    0.6,
    drifted.slice(0, MOST_CARDS).map((column) => () => card(column, report.options))
  )
  const rows = within(
    budget,
    1,
    report.columns.map((column) => () => row(column))
  )
  const title = `Drift report: ${report.current.name} against ${report.reference.name}`
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${escape(title)}</title><style>${STYLE}</style></head><body><main>
${head(report)}
${cards.length === 0 ? '' : `<div class="head"><h2>What drifted</h2>${legend}</div><div class="cards">${cards.join('')}</div>${rest(drifted.length - cards.length, 'more drifted columns are in the table')}`}
${quality(report)}${segments(report)}
${table(report, rows)}
${leftOut(report)}${footer(report)}
</main><script>${SCRIPT}</script></body></html>
`
}

const legend =
  '<div class="legend"><span><i></i>reference</span><span><i class="c"></i>current</span></div>'

/** As many pieces as a part of what is left allows. */
function within(
  budget: { left: number },
  part: number,
  pieces: readonly (() => string)[]
): string[] {
  const kept: string[] = []
  let left = budget.left * part
  for (const render of pieces) {
    const piece = render()
    const size = Buffer.byteLength(piece)
    if (size > left) break
    left -= size
    budget.left -= size
    kept.push(piece)
  }
  return kept
}

const rest = (n: number, what: string): string =>
  n <= 0 ? '' : `<p class="dim" style="margin-top:12px">${count(n)} ${what}.</p>`

function head(report: DriftDocument): string {
  const { state, columns, driftedColumns, reference, current } = report
  const compared = columns.filter((column) => column.state !== 'insufficient').length
  const says =
    driftedColumns.length > 0
      ? `${count(driftedColumns.length)} of ${count(columns.length)} columns drifted`
      : report.quality?.state === 'worse'
        ? 'The predictions got worse'
        : report.segments.some((segment) => segment.state === 'drift')
          ? 'Drift within segments'
          : state === 'ok'
            ? `No drift in ${count(compared)} columns`
            : 'Too little data to tell'
  const fact = (name: string, value: string) => `<div><dt>${name}</dt><dd>${value}</dd></div>`
  return `<div class="top"><div><h1>Drift report</h1><p class="files dim"><b>${short(current.name, 120)}</b> against <b>${short(reference.name, 120)}</b></p></div><button id="theme" hidden>Light or dark</button></div>
<section class="verdict ${state}" aria-label="Verdict"><strong>${says}</strong><p>${short(report.summary, 900)}</p></section>
<dl class="facts">${fact('Current rows', count(current.rows))}${fact('Reference rows', count(reference.rows))}${fact('Columns compared', `${count(compared)} of ${count(columns.length + report.leftOut.length)}`)}${fact('False discoveries', `at most ${share(report.options.falseDiscoveryRate)}`)}${fact('Made', `${new Date(report.createdAt).toISOString().slice(0, 16).replace('T', ' ')} UTC`)}</dl>`
}

function card(column: ColumnReport, options: ComparisonOptions): string {
  const fact = (name: string, value: string) => `<div><dt>${name}</dt><dd>${value}</dd></div>`
  const { effect } = column
  return `<article class="card"><header><h3>${short(nameOf(column), 120)}</h3><span>${howMuch(column)}</span></header><p>${short(sentence(column.finding), 300)}</p>${missingBars(column, options)}${
    column.kind === 'categorical' ? bars(column) : overlay(column, 'large')
  }<dl>${fact(effect.name, `${number(effect.value)} <small>limit ${number(effect.threshold)}</small>`)}${fact('p', `${probability(column.adjustedPValue)} <small>${escape(column.test)}</small>`)}${
    column.mean === null
      ? ''
      : fact('mean', `${number(column.mean)} <small>was ${number(column.referenceMean)}</small>`)
  }${missingFact(column, fact)}</dl></article>`
}

/** A picture of missing values where they are what drifted. */
function missingBars(column: ColumnReport, { missingThreshold }: ComparisonOptions): string {
  const { missingShare: now, referenceMissingShare: before } = column
  return Math.abs(now - before) < missingThreshold
    ? ''
    : pairs([{ bin: 'missing', before, now }], 1)
}

function missingFact(column: ColumnReport, fact: (name: string, value: string) => string): string {
  const { missingShare, referenceMissingShare } = column
  if (missingShare + referenceMissingShare === 0) return ''
  return fact(
    'missing',
    `${share(missingShare)} <small>was ${share(referenceMissingShare)}</small>`
  )
}

/** How large the change is beside its limit, in words. */
function howMuch({ effect }: ColumnReport): string {
  if (effect.name === 'auc' || effect.value === null || effect.value < effect.threshold) return ''
  const times = effect.value / effect.threshold
  return times > 1_000 ? 'far beyond the limit' : `${times.toFixed(1)} times the limit`
}

function table(report: DriftDocument, rows: readonly string[]): string {
  if (report.columns.length === 0) return ''
  const of = (state: string) => report.columns.filter((column) => column.state === state).length
  const pick = (state: string, word: string, n: number) =>
    n === 0
      ? ''
      : `<button data-pick="${state}" aria-pressed="${state === ''}">${word} <small>${count(n)}</small></button>`
  return `<div class="head"><h2>All columns</h2>${legend}</div>
<div class="tools"><input id="find" type="search" placeholder="Find a column" aria-label="Find a column">${pick('', 'All', report.columns.length)}${pick('drift', 'Drift', of('drift'))}${pick('ok', 'No drift', of('ok'))}${pick('insufficient', 'Too little to tell', of('insufficient'))}<span id="found" class="dim" role="status" style="align-self:center"></span></div>
<div class="scroll"><table id="columns"><thead><tr><th scope="col">Column</th><th scope="col">State</th><th scope="col" class="num">Change</th><th scope="col" class="num">Adjusted p</th><th scope="col" class="num">Missing</th><th scope="col">Distribution</th><th scope="col">Finding</th></tr></thead><tbody>${rows.join('')}</tbody></table></div>${rest(report.columns.length - rows.length, 'more columns are in the JSON form of this report')}`
}

function row(column: ColumnReport): string {
  const { effect } = column
  return `<tr data-s="${column.state}" data-n="${short(nameOf(column).toLowerCase(), 120)}"><th scope="row">${short(nameOf(column), 120)}<small>${column.source === 'output' ? 'output, ' : ''}${column.kind}</small></th><td><span class="state ${column.state}">${WORDS[column.state]}</span></td><td class="num">${number(effect.value)} <small>${escape(effect.name)}</small></td><td class="num">${probability(column.adjustedPValue)}</td><td class="num">${share(column.missingShare)}</td><td>${overlay(column, 'small')}</td><td><p>${short(sentence(column.finding), 200)}</p></td></tr>`
}

function quality({ quality }: DriftDocument): string {
  if (quality === null) return ''
  const words = { ok: 'Not worse', worse: 'Worse', insufficient: 'Too little to tell' } as const
  const tone = quality.state === 'worse' ? 'drift' : quality.state
  const rows = Object.entries(quality.metrics).map(
    ([name, value]) =>
      `<tr><th scope="row">${escape(METRICS[name] ?? name)}</th><td class="num">${number(value)}</td><td class="num">${number(quality.referenceMetrics?.[name] ?? null)}</td></tr>`
  )
  return `<div class="head"><h2>Quality of the predictions</h2><span class="state ${tone}">${words[quality.state]}</span></div>${quality.finding === '' ? '' : `<p style="margin-bottom:12px">${short(quality.finding, 300)}</p>`}${rows.length === 0 ? '' : `<div class="scroll"><table><thead><tr><th scope="col">Metric</th><th scope="col" class="num">Current</th><th scope="col" class="num">Reference</th></tr></thead><tbody>${rows.join('')}</tbody></table></div>`}`
}

const METRICS: Readonly<Record<string, string>> = {
  accuracy: 'Accuracy',
  precision: 'Precision',
  recall: 'Recall',
  f1: 'F1',
  auc: 'ROC AUC',
  logLoss: 'Log loss',
  calibrationError: 'Calibration error',
  macroRecall: 'Recall, mean of the classes',
  mae: 'Mean absolute error',
  rmse: 'Root mean squared error',
  bias: 'Bias',
  mape: 'Mean absolute percentage error',
  r2: 'R²',
}

function segments({ segments }: DriftDocument): string {
  if (segments.length === 0) return ''
  const rows = segments.map(
    (one) =>
      `<tr><th scope="row">${short(one.segment, 120)}</th><td><span class="state ${one.state}">${WORDS[one.state]}</span></td><td class="num">${count(one.rows)}</td><td class="num">${count(one.referenceRows)}</td><td><p style="max-width:none">${short(one.summary, 300)}</p></td></tr>`
  )
  return `<div class="head"><h2>Segments</h2></div><div class="scroll"><table><thead><tr><th scope="col">Segment</th><th scope="col">State</th><th scope="col" class="num">Current rows</th><th scope="col" class="num">Reference rows</th><th scope="col">Finding</th></tr></thead><tbody>${rows.join('')}</tbody></table></div>`
}

function leftOut({ leftOut }: DriftDocument): string {
  if (leftOut.length === 0) return ''
  const shown = leftOut.slice(0, 50)
  return `<h2>Not compared</h2><ul>${shown.map(({ column, because }) => `<li>${short(column, 120)} <span class="dim">${escape(because)}</span></li>`).join('')}</ul>${rest(leftOut.length - shown.length, 'more')}`
}

function footer({ options }: DriftDocument): string {
  const { numeric, categorical, vectors } = options
  return `<footer><p>A column drifted when its change is large (its effect is at or over the limit) and certain (its p-value survives Benjamini-Hochberg over all columns at a false discovery rate of ${share(options.falseDiscoveryRate)}), or when its share of missing values moved by ${share(options.missingThreshold)} of the rows or more and as certainly.</p><p>Numbers: ${escape(numeric.effect)} from ${numeric.threshold}, ${escape(numeric.test)}. Categories: ${escape(categorical.effect)} from ${categorical.threshold}, ${escape(categorical.test)}. Texts and embeddings: AUC from ${vectors.threshold}. Fewer than ${count(options.minimumRows)} values: too little to tell.</p></footer>`
}

const sentence = (text: string): string =>
  text === '' ? '' : `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
