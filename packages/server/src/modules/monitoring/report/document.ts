import type { ComparisonOptions, DriftDocument } from '@trestle/contract'
import type { ColumnFacts } from '../drift/compare-column.ts'
import { judgeColumns, summarise } from '../drift/judge-columns.ts'

type Segment = DriftDocument['segments'][number]

/** What was measured of two data sets, before it is judged. */
export type Measured = Readonly<{
  createdAt: number
  reference: DriftDocument['reference']
  current: DriftDocument['current']
  options: ComparisonOptions
  facts: readonly ColumnFacts[]
  leftOut: DriftDocument['leftOut']
  quality: DriftDocument['quality']
  segments: readonly Readonly<{
    segment: string
    rows: number
    referenceRows: number
    facts: readonly ColumnFacts[]
  }>[]
}>

/** Judges what was measured: all columns in one family of tests, the columns of all segments in another. */
export function toDocument(measured: Measured): DriftDocument {
  const { facts, options, quality, current, reference } = measured
  const isEnough = Math.min(current.rows, reference.rows) >= options.minimumRows
  const columns = isEnough ? judgeColumns(facts, options) : []
  const drifted = columns.filter((column) => column.state === 'drift')
  const isKnown = columns.some((column) => column.state !== 'insufficient')
  const segments = judgeSegments(measured)
  const isDrift =
    drifted.length > 0 ||
    quality?.state === 'worse' ||
    segments.some((segment) => segment.state === 'drift')
  return {
    kind: 'trestle.drift-report',
    version: 1,
    createdAt: measured.createdAt,
    reference,
    current,
    options,
    state: isDrift ? 'drift' : isKnown ? 'ok' : 'insufficient',
    summary: [
      isEnough
        ? summarise(columns, current.rows)
        : `${current.rows} current rows beside ${reference.rows} of the reference; at least ${options.minimumRows} of each are needed to say anything.`,
      ...(quality === null || quality.finding === '' ? [] : [quality.finding]),
      ...summariseSegments(segments),
    ].join(' '),
    driftedColumns: drifted.map(({ column }) => column),
    columns,
    leftOut: measured.leftOut,
    quality,
    segments,
  }
}

function judgeSegments({ segments, options }: Measured): Segment[] {
  const judged = Map.groupBy(
    judgeColumns(
      segments.flatMap(({ segment, facts }) => facts.map((fact) => ({ ...fact, segment }))),
      options
    ),
    ({ segment }) => segment
  )
  return segments.map(({ segment, rows, referenceRows }) => {
    const columns = (judged.get(segment) ?? []).map((column) => ({ ...column, segment: null }))
    const drifted = columns.filter((column) => column.state === 'drift')
    const isKnown = columns.some((column) => column.state !== 'insufficient')
    return {
      segment,
      rows,
      referenceRows,
      state: drifted.length > 0 ? 'drift' : isKnown ? 'ok' : 'insufficient',
      driftedColumns: drifted.map(({ column }) => column),
      summary: summarise(columns, rows),
    }
  })
}

function summariseSegments(segments: readonly Segment[]): string[] {
  const drifted = segments.filter(({ state }) => state === 'drift')
  if (drifted.length === 0) return []
  return [
    `${drifted.length} of ${segments.length} segments drifted: ${drifted.map(({ segment }) => segment).join(', ')}.`,
  ]
}
