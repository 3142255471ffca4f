import { CREATED, EVENT, SEQ } from './columns.ts'
import { quoteName } from '../../../platform/database/index.ts'

export type PointInTimeMode = 'as-known' | 'as-corrected'

/** One view to join: which rows, on what keys, and what comes out under which name. */
export type JoinedView = Readonly<{
  /** A relation with the columns of the storage. */
  rows: string
  /** The view's key → the entity rows' column. None: one row for everything. */
  keys: readonly { view: string; entity: string }[]
  /** `missing` is the SQL of the value where there is no valid row. */
  features: readonly { column: string; as: string; missing: string }[]
  ttlUs: number | null
  /** The name under which the winner's event time comes out, if it is asked for. */
  eventAs?: string
}>

/** The entity rows: a relation with `_row` (0, 1, …, each once), `_at_us` and the key columns. */
export const ROW = '_row'
export const AT = '_at_us'

/** What the choice of a plan rests on: rows, keys and span of the view, and how many rows became known after their event (or never). */
export type RowFacts = Readonly<{ rows: number; keys: number; spanUs: number; late: number }>

/**
 * `range`: every row within the ttl is looked at. `asof`: the newest event is found by order, then its ties are settled. `running`: for as-known,
 * the running maximum over the instants from which rows are usable.
 */
export type PointInTimePlan = 'range' | 'asof' | 'running'

/** Up to so many rows per entity row, looking at all of them is faster than sorting everything (measured: bench/features). */
const RANGE_UP_TO = 8

/** The plan that is fastest for these rows. All give the same answer. */
export function choosePlan(
  mode: PointInTimeMode,
  ttlUs: number | null,
  facts: RowFacts
): PointInTimePlan {
  const perKey = facts.rows / Math.max(1, facts.keys)
  const share = ttlUs === null ? 0.5 : Math.min(0.5, ttlUs / Math.max(1, facts.spanUs))
  if (perKey * share <= RANGE_UP_TO) return 'range'
  return mode === 'as-corrected' || facts.late === 0 ? 'asof' : 'running'
}

/** SQL for the facts of a view's rows: one row of `rows, keys, span, late`. */
export const factsSql = (view: Pick<JoinedView, 'rows' | 'keys'>): string =>
  `SELECT count(*), ${view.keys.length === 0 ? '1' : `approx_count_distinct(hash(${view.keys.map((k) => quoteName(k.view)).join(', ')}))`},
     coalesce(max(${EVENT}) - min(${EVENT}), 0), count(*) FILTER (WHERE ${CREATED} IS NULL OR ${CREATED} > ${EVENT}) FROM ${view.rows}`

/**
 * SQL that gives, per entity row, the features as they were at its instant: `_row` and the features' names. Every entity row comes out once.
 *
 * Of the rows with `event <= at` (and in mode as-known `created <= at`; a row without a created time was never known) the one with the latest
 * (event, created, ingest number) wins; it counts while `at <= event + ttl`, both ends included. A null value of the winner is null:
 * no older row is asked. A null key matches nothing.
 *
 * Winners are found by numbers alone and their features fetched by ingest number, so wide rows never enter a sort. DuckDB's ASOF join alone is not
 * enough: of equal event times it takes any (so it only finds the event time here), and it knows one inequality only (so the ttl is applied to the
 * winner, which is exact: when the latest is too old, all are).
 */
export function pointInTimeSql(
  entities: string,
  view: JoinedView,
  { mode, plan }: { mode: PointInTimeMode; plan: PointInTimePlan }
): string {
  const keys = view.keys.map((k, i) => ({
    alias: `k${i}`,
    column: quoteName(k.view),
    entity: quoteName(k.entity),
  }))
  const names = keys.map((k) => k.alias)
  const same = (a: string, b: string): string =>
    [`${a}.one = ${b}.one`, ...names.map((k) => `${a}.${k} = ${b}.${k}`)].join(' AND ')
  const given = `SELECT ${ROW}, ${AT} AS at, 0 AS one${keys.map((k) => `, ${k.entity} AS ${k.alias}`).join('')} FROM ${entities}`
  const narrow = `SELECT 0 AS one, ${EVENT} AS event, ${CREATED} AS created, ${SEQ} AS seq${keys.map((k) => `, ${k.column} AS ${k.alias}`).join('')}
    FROM ${view.rows}${mode === 'as-known' ? ` WHERE ${CREATED} IS NOT NULL` : ''}`
  const alive = view.ttlUs === null ? '' : ` AND g.at <= n.event + ${view.ttlUs}`
  const rank = `max(struct_pack(e := n.event, c := coalesce(n.created, -9007199254740991), s := n.seq))`
  const known = mode === 'as-known' ? ' AND n.created <= g.at' : ''
  const top = {
    range: `SELECT g.${ROW}, ${rank} AS top FROM given g JOIN narrow n
      ON ${same('g', 'n')} AND n.event <= g.at${known}${alive} GROUP BY g.${ROW}`,
    asof: `SELECT g.${ROW}, ${rank} AS top FROM (
        SELECT g.${ROW}, g.at, g.one${names.map((k) => `, g.${k}`).join('')}, n.event AS found
        FROM given g ASOF JOIN (SELECT one, event${names.map((k) => `, ${k}`).join('')} FROM narrow) n ON ${same('g', 'n')} AND g.at >= n.event
        WHERE TRUE${alive}) g
      JOIN narrow n ON ${same('g', 'n')} AND n.event = g.found GROUP BY g.${ROW}`,
    running: `SELECT g.${ROW}, n.top FROM given g ASOF JOIN (
        SELECT one, usable, top, top.e AS event${names.map((k) => `, ${k}`).join('')} FROM (
          SELECT *, max(struct_pack(e := event, c := created, s := seq))
            OVER (PARTITION BY ${['one', ...names].join(', ')} ORDER BY usable, event, created, seq ROWS UNBOUNDED PRECEDING) AS top
          FROM (SELECT *, greatest(event, created) AS usable FROM narrow)
          QUALIFY row_number() OVER (PARTITION BY ${['one', ...names, 'usable'].join(', ')} ORDER BY event DESC, created DESC, seq DESC) = 1)
      ) n ON ${same('g', 'n')} AND g.at >= n.usable WHERE TRUE${alive}`,
  }[plan]
  const features = view.features.map((f) => {
    const stored = `s.${quoteName(f.column)}`
    const value =
      f.missing === 'NULL'
        ? stored
        : `CASE WHEN t.${ROW} IS NULL THEN ${f.missing} ELSE ${stored} END`
    return `${value} AS ${quoteName(f.as)}`
  })
  const event = view.eventAs === undefined ? [] : [`t.top.e AS ${view.eventAs}`]
  return `WITH given AS MATERIALIZED (${given}), narrow AS ${plan === 'range' ? 'NOT MATERIALIZED' : ''} (${narrow}),
    tops AS MATERIALIZED (${top})
    SELECT ${[`g.${ROW}`, ...features, ...event].join(', ')}
    FROM given g LEFT JOIN (tops t JOIN ${view.rows} s ON s.${SEQ} = t.top.s) ON g.${ROW} = t.${ROW}`
}
