import type { MonitorSpec } from '@trestle/contract'
import type { Clock } from '../../../kernel/clock.ts'
import type { Scalar } from '../../../kernel/scalar.ts'
import { fail } from '../../../platform/errors.ts'
import type { DuckDb } from '../../../platform/duckdb/index.ts'
import { toColumns } from '../drift/column-values.ts'
import { mergeReferences } from '../drift/merge-references.ts'
import { buildReference, SAMPLE_SIZE, type Reference, type Span } from '../drift/reference.ts'
import { splitRows, type WatchedRow } from '../drift/segments.ts'
import type { InferenceLog } from '../inference-log/inference-log.ts'
import { parseCsv } from './csv.ts'
import { readReferenceFile, type ReferenceFiles } from './reference-files.ts'
import { referenceOf, type MonitorRow, type MonitorStore } from './store.ts'
import { filterOf, sampleBetween, SETTLE_MS, type Window } from './windows.ts'

const WEEK_MS = 7 * 86_400_000

/** A window's own profile, kept for the windows that it will be the reference of. */
export type Profile = Readonly<{ profile: Reference; keepFrom: number }>

/**
 * Where the reference of a monitor comes from. Everything is read once: data sets when the monitor is made, a stretch of the log when it is there,
 * and for a reference that moves each window leaves its profile behind.
 */
export function createReferences(deps: {
  store: MonitorStore
  log: InferenceLog
  files: ReferenceFiles
  duckdb: DuckDb
  clock: Clock
}) {
  const { store, log, clock } = deps
  // Of references that stay as they are: parsing one only to see its dates is dear.
  const fixedSpans = new Map<string, readonly Span[]>()

  /** Rows that the declaration itself gives or names; null for a reference that the log will give. */
  async function rowsGiven(
    project: string,
    { reference: source }: MonitorSpec
  ): Promise<Record<string, Scalar | null>[] | null> {
    switch (source.kind) {
      case 'dataset':
        return source.rows
      case 'csv':
        return parseCsv(source.text)
      case 'run':
        return readReferenceFile(deps.duckdb, await deps.files.ofRun({ project, ...source }))
      case 'training-set':
        return readReferenceFile(deps.duckdb, await deps.files.ofTrainingSet(project, source.name))
      case 'first':
      case 'window':
      case 'moving':
      case 'hour-of-week':
        return null
    }
  }

  async function fromLog(monitor: MonitorRow, spec: MonitorSpec) {
    const source = spec.reference
    const filter = filterOf(monitor, spec)
    if (source.kind === 'window') {
      if (source.to > clock.now() - SETTLE_MS) return null
      const rows = await sampleBetween(log, filter, source)
      if (rows.length < spec.minimumRows) return null
      return {
        reference: ofRows(rows, [{ from: source.from, to: source.to }], { spec }),
        cursor: {},
      }
    }
    if (source.kind !== 'first') return null
    const rows = await log.rows({
      filter: { ...filter, from: monitor.cursor_at, to: clock.now() - SETTLE_MS },
      order: 'oldest',
      after: null,
      limit: source.rows,
    })
    const [first] = rows
    const last = rows.at(-1)
    if (first === undefined || last === undefined || rows.length < source.rows) return null
    const cursor =
      spec.window.kind === 'rows'
        ? { cursor_at: last.at, cursor_id: last.predictionId }
        : { cursor_at: last.at + 1, cursor_id: '' }
    return { reference: ofRows(rows, [{ from: first.at, to: last.at + 1 }], { spec }), cursor }
  }

  /** The profile of a stretch of time before the monitor's own windows: read from the log once, then kept. */
  async function profileOf(
    monitor: MonitorRow,
    spec: MonitorSpec,
    span: Span
  ): Promise<Reference | null> {
    const kept = await store.profile(monitor, span)
    if (kept !== null) return kept
    const rows = await sampleBetween(log, filterOf(monitor, spec), span)
    if (rows.length === 0) return null
    const profile = ofRows(rows, [span], { spec, sampleSize: sampleSizeOf(spec) })
    await store.addProfile(monitor, profile)
    return profile
  }

  return {
    /** What a new monitor begins with. Throws when the rows are too few or can't be read. */
    async given(project: string, spec: MonitorSpec) {
      const rows = await rowsGiven(project, spec)
      if (rows === null) return { reference_json: null, reference_rows: null, reference_at: null }
      if (rows.length < spec.minimumRows)
        throw fail(
          'request.invalid',
          `The reference has ${rows.length} rows; at least ${spec.minimumRows} are needed`
        )
      const inputs = rows.map((row) => ({ inputs: row, outputs: {} }))
      return toReferenceColumns(ofRows(inputs, [], { spec }), clock.now())
    },

    /** The monitor with its reference, built when it can be: when its time is over for a window, when they are there for first rows. Null until then. */
    async prepare(monitor: MonitorRow, spec: MonitorSpec): Promise<MonitorRow | null> {
      if (monitor.reference_json !== null || isMoving(spec)) return monitor
      const found = await fromLog(monitor, spec)
      if (found === null) return null
      const change = {
        ...toReferenceColumns(found.reference, clock.now()),
        ...found.cursor,
        state: 'waiting' as const,
        summary: 'The reference is there; waiting for the first window.',
      }
      return (await store.update(monitor, change)) ? { ...monitor, ...change } : null
    },

    /** What a window is compared with. Null while there is nothing, or a reference that moves has too few rows yet. */
    async ofWindow(
      monitor: MonitorRow,
      spec: MonitorSpec,
      window: Span
    ): Promise<Reference | null> {
      const source = spec.reference
      if (source.kind !== 'moving' && source.kind !== 'hour-of-week') return referenceOf(monitor)
      const parts: Reference[] = []
      if (spec.window.kind === 'rows' && source.kind === 'moving')
        parts.push(...(await store.profilesBefore(monitor, window.from, source.windows)))
      else
        for (const span of spansBefore(spec, window)) {
          const profile = await profileOf(monitor, spec, span)
          if (profile !== null) parts.push(profile)
        }
      const reference = mergeReferences(parts)
      return reference.rows < spec.minimumRows ? null : reference
    },

    /** The stretches of time that a window's reference is of. */
    async spansOf(monitor: MonitorRow, spec: MonitorSpec, window: Span): Promise<readonly Span[]> {
      const source = spec.reference
      if (source.kind === 'moving' && spec.window.kind === 'rows')
        return store.profileSpansBefore(monitor, window.from, source.windows)
      if (isMoving(spec)) return spansBefore(spec, window)
      const key = JSON.stringify([monitor.project, monitor.name, monitor.generation])
      const known = fixedSpans.get(key) ?? referenceOf(monitor)?.spans
      if (known !== undefined) fixedSpans.set(key, known)
      return known ?? []
    },

    /** What a window leaves behind for later ones; null where the reference does not move. */
    profile(spec: MonitorSpec, window: Window): Profile | null {
      if (!isMoving(spec)) return null
      const span = { from: window.from, to: window.to }
      const keepFrom =
        spec.window.kind === 'rows'
          ? 0
          : Math.min(window.from, ...spansBefore(spec, window).map((before) => before.from))
      return {
        profile: ofRows(window.rows, [span], { spec, sampleSize: sampleSizeOf(spec) }),
        keepFrom,
      }
    },
  }
}
export type References = ReturnType<typeof createReferences>

const isMoving = ({ reference }: MonitorSpec): boolean =>
  reference.kind === 'moving' || reference.kind === 'hour-of-week'

/** Stretches of time that a moving reference is made of, newest first. */
function spansBefore({ reference, window: size }: MonitorSpec, window: Span): Span[] {
  if (size.kind !== 'time') return []
  const [count, step] =
    reference.kind === 'moving'
      ? [reference.windows, size.ms]
      : reference.kind === 'hour-of-week'
        ? [reference.weeks, WEEK_MS]
        : [0, 0]
  return Array.from({ length: count }, (_, i) => ({
    from: window.from - (i + 1) * step,
    to: window.to - (i + 1) * step,
  }))
}

/** Together the profiles of a reference hold no more than one that is read at once, but each enough to be one alone. */
function sampleSizeOf({ reference }: MonitorSpec): number {
  if (reference.kind === 'moving') return Math.max(500, Math.ceil(SAMPLE_SIZE / reference.windows))
  return reference.kind === 'hour-of-week' ? Math.ceil(SAMPLE_SIZE / reference.weeks) : SAMPLE_SIZE
}

/** Numbers kept per column of a segment. */
const SEGMENT_SAMPLE = 1_000

function ofRows(
  rows: readonly WatchedRow[],
  spans: readonly Span[],
  { spec, sampleSize = SAMPLE_SIZE }: { spec: MonitorSpec; sampleSize?: number }
): Reference {
  const { segments } = spec
  const build = (part: readonly WatchedRow[], size: number): Reference =>
    buildReference(toColumns(part), { rows: part.length, spans }, size)
  const whole = build(rows, sampleSize)
  // Variants come and go: each is compared with the reference as a whole.
  if (segments === null || segments.by === 'variant') return whole
  const parts = [...splitRows(rows, segments)].map(([value, part]) => [
    value,
    build(part, Math.min(sampleSize, SEGMENT_SAMPLE)),
  ])
  return { ...whole, segments: Object.fromEntries(parts) as Record<string, Reference> }
}

const toReferenceColumns = (reference: Reference, now: number) => ({
  reference_json: JSON.stringify(reference),
  reference_rows: reference.rows,
  reference_at: now,
})
