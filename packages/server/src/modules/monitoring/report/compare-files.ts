import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import type { DuckDBConnection } from '@duckdb/node-api'
import { comparisonOptions, type DriftDocument } from '@trestle/contract'
import { z } from 'zod'
import { messageOf } from '../../../kernel/errors.ts'
import { fail } from '../../../platform/errors.ts'
import { compareColumn, type ColumnFacts } from '../drift/compare-column.ts'
import type { Reference, ReferenceColumn } from '../drift/reference.ts'
import { toDocument } from './document.ts'
import { openFile, type FileTable, type Segment } from './file-table.ts'
import { compareQuality, qualityColumns } from './file-quality.ts'

/** What `trestle drift report` asks for. */
export const filesRequest = z.strictObject({
  /** A Parquet, CSV or NDJSON file, or a reference that was saved. */
  reference: z.string().min(1),
  current: z.string().min(1),
  columns: z.array(z.string()).min(1).nullable().default(null),
  ignore: z.array(z.string()).default([]),
  options: comparisonOptions.prefault({}),
  quality: qualityColumns.nullable().default(null),
  segment: z.string().nullable().default(null),
})
export type FilesRequest = z.output<typeof filesRequest>

/** Values of the segment column that are judged on their own, the most frequent ones. */
const MOST_SEGMENTS = 10
const SAVED_KIND = 'trestle.drift-reference'

/** Compares two files, or a file with a saved reference. Throws `request.invalid` for a file that can't be read and for columns that neither has. */
export async function compareFiles(
  connection: DuckDBConnection,
  request: FilesRequest,
  now: number
): Promise<DriftDocument> {
  const current = await openFile(connection, request.current, 'current_rows')
  const saved = request.reference.endsWith('.json') ? await readSaved(request.reference) : null
  const table =
    saved === null ? await openFile(connection, request.reference, 'reference_rows') : null
  if (table === null && (request.quality !== null || request.segment !== null))
    throw fail('request.invalid', 'A saved reference has no rows: quality and segments need a file')
  const known = saved?.columns.map(({ name }) => name) ?? [...(table?.columns.keys() ?? [])]
  requireColumns(request, new Set([...known, ...current.columns.keys()]))
  const isWished = (name: string) =>
    (request.columns?.includes(name) ?? true) && !request.ignore.includes(name)
  const wished = known.filter(isWished)
  const describe = async (name: string, segment?: Segment) =>
    saved?.columns.find((column) => column.name === name) ??
    (await table?.describe(name, segment)) ?? { because: 'not in the reference' }

  const leftOut: DriftDocument['leftOut'] = [...current.columns.keys()]
    .filter((name) => isWished(name) && !known.includes(name))
    .map((column) => ({ column, because: 'not in the reference' }))
  const facts: ColumnFacts[] = []
  const names: string[] = []
  for (const name of wished) {
    const reference = await describe(name)
    if ('because' in reference) {
      leftOut.push({ column: name, because: reference.because })
      continue
    }
    names.push(name)
    facts.push(await compareWith(reference, current, { request }))
  }
  return toDocument({
    createdAt: now,
    reference: { name: basename(request.reference), rows: saved?.rows ?? table?.rows ?? 0 },
    current: { name: basename(request.current), rows: current.rows },
    options: request.options,
    facts,
    leftOut,
    quality:
      table === null || request.quality === null
        ? null
        : await compareQuality(table, current, request.quality),
    segments:
      table === null || request.segment === null
        ? []
        : await compareSegments(table, current, { request, column: request.segment, names }),
  })
}

async function compareWith(
  reference: ReferenceColumn,
  current: FileTable,
  about: { request: FilesRequest; segment?: Segment }
): Promise<ColumnFacts> {
  const column = await current.read(reference.name, reference.kind, about.segment)
  return compareColumn(reference, column, about.request.options)
}

async function compareSegments(
  reference: FileTable,
  current: FileTable,
  about: { request: FilesRequest; column: string; names: readonly string[] }
) {
  const { request, column } = about
  const segments = []
  for (const value of await reference.topValues(column, MOST_SEGMENTS)) {
    const segment = { column, value }
    const facts: ColumnFacts[] = []
    for (const name of about.names) {
      if (name === column) continue
      const described = await reference.describe(name, segment)
      if (!('because' in described))
        facts.push(await compareWith(described, current, { request, segment }))
    }
    segments.push({
      segment: `${column} = ${value}`,
      rows: await current.countRows(segment),
      referenceRows: await reference.countRows(segment),
      facts,
    })
  }
  return segments
}

function requireColumns(request: FilesRequest, there: ReadonlySet<string>): void {
  const { quality } = request
  const named = [
    ...(request.columns ?? []),
    ...(request.segment === null ? [] : [request.segment]),
    ...(quality === null ? [] : [quality.target, quality.prediction, quality.score]),
  ]
  for (const name of named)
    if (name !== null && !there.has(name))
      throw fail('request.invalid', `Neither file has a column "${name}"`, {
        details: { columns: [...there] },
      })
}

/** What is kept of a file to compare others with it, later and without it. */
export async function saveReference(connection: DuckDBConnection, path: string) {
  const table = await openFile(connection, path, 'saved_rows')
  const columns: ReferenceColumn[] = []
  for (const name of table.columns.keys()) {
    const described = await table.describe(name)
    if (!('because' in described)) columns.push(described)
  }
  const reference: Reference = { columns, rows: table.rows, spans: [] }
  return { kind: SAVED_KIND, version: 1, ...reference }
}

async function readSaved(path: string): Promise<Reference> {
  try {
    const saved = JSON.parse(await readFile(path, 'utf8')) as { kind?: unknown } & Reference // ours, if it says so
    if (saved.kind === SAVED_KIND) return saved
  } catch (error) {
    throw fail('request.invalid', `${path}: ${messageOf(error)}`, { cause: error })
  }
  throw fail(
    'request.invalid',
    `${path} is no saved reference ("trestle drift reference" makes one); data ends in .parquet, .csv or .ndjson`
  )
}
