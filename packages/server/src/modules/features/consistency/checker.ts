import type { Consistency } from '@trestle/contract'
import type { Clock } from '../../../kernel/clock.ts'
import type { Topic } from '../../../platform/events/topic.ts'
import { AppError } from '../../../kernel/errors.ts'
import type { Historical } from '../historical.ts'
import type { PointInTimeMode } from '../offline/point-in-time.ts'
import type { Selection, Wanted } from '../selection.ts'
import { toWire } from '../value.ts'
import { countChecked, type Checked, type Offline } from './compare.ts'
import type { Sampler } from './sampler.ts'
import type { ServedLog, ServedRow } from './served-log.ts'
import type { ConsistencyStore } from './store.ts'

/** Reads are checked once what was under way at their instant is in the history. */
const SETTLE_MS = 2_000
/** A value that was right so long before its read was overtaken by an event on its way. */
const IN_FLIGHT_MS = 1_000
const ROWS_A_RUN = 5_000
/** Differences of one view that are looked into one by one; beyond it is not a race. */
const MAX_SETTLED = 50

/** Reads that were not what was known at their instant. */
export type FeatureInconsistency = Readonly<{ project: string; counts: Consistency }>

/**
 * The check that never stops: sampled reads are joined offline at their instants, as known then (must be equal, a difference is a fault of ours) and
 * as corrected (what late rows changed since).
 */
export function createConsistencyChecker(deps: {
  sampler: Sampler
  log: ServedLog
  store: ConsistencyStore
  joins: Pick<Historical, 'rows'>
  select: (project: string, wanted: Wanted) => Selection
  inconsistent: Topic<FeatureInconsistency>
  clock: Clock
}) {
  const { sampler, log, store, clock } = deps

  const flush = (): void => {
    const rows = sampler.drain().map(({ read, keys, at, values, eventUs }) => ({
      project: read.view.project,
      view: read.view.name,
      version: read.view.version,
      at,
      keys: Object.fromEntries(read.keys.map((k, i) => [k.view, toWire(keys[i] ?? null)])),
      values: Object.fromEntries(read.columns.map((c, i) => [c.name, toWire(values[i] ?? null)])),
      eventUs,
    }))
    sampler.drop(log.append(rows))
  }

  const join = async (
    view: { project: string; name: string; version: number },
    served: readonly ServedRow[],
    as: { mode: PointInTimeMode; knownByUs?: number }
  ): Promise<Offline[]> => {
    const names = [...new Set(served.flatMap((row) => Object.keys(row.values)))]
    const features = names.map((feature) => `${view.name}@v${view.version}:${feature}`)
    const selection = deps.select(view.project, { features, fullNames: true })
    const { columns, rows } = await deps.joins.rows({
      selection,
      entities: {
        kind: 'rows',
        rows: served.map((row) => ({ ...row.keys, event_timestamp: row.at })),
      },
      ...as,
      withEvents: true,
    })
    const first = columns.length - names.length - 1
    return rows.map((row) => ({
      values: Object.fromEntries(names.map((n, i) => [n, toWire(row[first + i] ?? null)])),
      eventUs: row.at(-1) === null ? null : Number(row.at(-1)),
    }))
  }

  const checkView = async (served: readonly ServedRow[]): Promise<Consistency | null> => {
    const [first] = served
    if (first === undefined) return null
    const view = { project: first.project, name: first.view, version: first.version }
    const known = await join(view, served, { mode: 'as-known' })
    const corrected = await join(view, served, { mode: 'as-corrected' })
    const checked: Checked[] = []
    let looked = 0
    for (const [i, row] of served.entries()) {
      const [k, c] = [known[i], corrected[i]]
      if (k === undefined || c === undefined) continue
      const differs = Object.entries(row.values).some(([name, value]) => k.values[name] !== value)
      const [settled = null] =
        differs && looked++ < MAX_SETTLED
          ? await join(view, [row], {
              mode: 'as-corrected',
              knownByUs: Math.round((row.at - IN_FLIGHT_MS) * 1000),
            })
          : []
      checked.push({ served: row, known: k, corrected: c, settled })
    }
    const counts = countChecked(view, checked, clock.now())
    await store.add(view.project, counts)
    if (counts.asKnown < counts.values) deps.inconsistent.publish({ project: view.project, counts })
    return counts
  }

  return {
    flush,
    waiting: (): number => log.count(),
    /** Checks what was sampled until a moment ago. Returns what was counted in this run. */
    async check(): Promise<Consistency[]> {
      flush()
      const rows = log.oldest(clock.now() - SETTLE_MS, ROWS_A_RUN)
      const views = Map.groupBy(rows, (r) => JSON.stringify([r.project, r.view, r.version]))
      const counted: Consistency[] = []
      for (const served of views.values()) {
        try {
          const counts = await checkView(served)
          if (counts !== null) counted.push(counts)
        } catch (error) {
          // The view or a feature of it is gone since: there is nothing to compare with.
          if (!(error instanceof AppError) || !error.code.endsWith('_not_found')) throw error
          sampler.drop(served.length)
        }
        log.remove(served)
      }
      return counted
    },
  }
}
