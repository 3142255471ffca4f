import { CREATED, EVENT, SEQ } from './columns.ts'
import { quoteName } from '../../../platform/database/index.ts'

export type PointInTimeMode = 'as-known' | 'as-corrected'

/** One view to join: which rows, on what keys, and what comes out under which name. */
export type JoinedView = Readonly<{
  /** A relation with the columns of the storage. */
  rows: string
  /** The view's key → the entity rows' column. None: one row for everything. */
  keys: readonly { view: string; entity: string }[]
  features: readonly { column: string; as: string }[]
  ttlUs: number | null
  /** The name under which the winner's event time comes out, if it is asked for. */
  eventAs?: string
}>

/** The entity rows: a relation with `_row` (0, 1, …, each once), `_at_us` and the key columns. */
export const ROW = '_row'
export const AT = '_at_us'

/**
 * SQL that gives, per entity row, the features as they were at its instant: `_row` and the features' names. Every entity row comes out once.
 *
 * Of the rows with `event <= at` (and in mode as-known `created <= at`; a row without a created time was never known) the one with the latest
 * (event, created, ingest number) wins; it counts while `at <= event + ttl`, both ends included. A null value of the winner is null:
 * no older row is asked. A null key matches nothing.
 *
 * DuckDB's ASOF join alone is not enough: of equal event times it takes any (so ties are settled first), and it knows one inequality only
 * (so the ttl is applied to the winner, which is exact: when the latest is too old, all are).
 * As-known uses that a row is usable from `greatest(event, created)` on: the running maximum over that order is the winner at each such instant.
 */
export function pointInTimeSql(entities: string, view: JoinedView, mode: PointInTimeMode): string {
  const keys = view.keys.map((k, i) => ({
    alias: `k${i}`,
    column: quoteName(k.view),
    entity: quoteName(k.entity),
  }))
  const keyList = keys.map((k) => k.alias)
  const partition = keyList.length === 0 ? '' : `PARTITION BY ${keyList.join(', ')} `
  const source = `SELECT ${[
    ...keys.map((k) => `${k.column} AS ${k.alias}`),
    `${EVENT} AS event`,
    `${CREATED} AS created`,
    `${SEQ} AS seq`,
    ...view.features.map((f, i) => `${quoteName(f.column)} AS f${i}`),
  ].join(', ')} FROM ${view.rows}${mode === 'as-known' ? ` WHERE ${CREATED} IS NOT NULL` : ''}`
  const columns = view.features.map((_, i) => `f${i}`)
  const candidates =
    mode === 'as-corrected'
      ? `SELECT *, event AS usable FROM source
         QUALIFY row_number() OVER (PARTITION BY ${[...keyList, 'event'].join(', ')} ORDER BY created DESC NULLS LAST, seq DESC) = 1`
      : `SELECT w.* EXCLUDE (top), s.event, ${columns.map((c) => `s.${c}`).join(', ')} FROM (
           SELECT ${[...keyList, 'usable'].join(', ')}, max(struct_pack(e := event, c := created, s := seq))
             OVER (${partition}ORDER BY usable, event, created, seq ROWS UNBOUNDED PRECEDING) AS top
           FROM (SELECT *, greatest(event, created) AS usable FROM source)
           QUALIFY row_number() OVER (PARTITION BY ${[...keyList, 'usable'].join(', ')} ORDER BY event DESC, created DESC, seq DESC) = 1
         ) w JOIN source s ON s.seq = w.top.s`
  const alive = view.ttlUs === null ? 'TRUE' : `e.${AT} <= c.event + ${view.ttlUs}`
  const on = [
    ...keys.map((k) => `e.${k.entity} = c.${k.alias}`),
    ...(keys.length === 0 ? ['e.one = c.one'] : []),
    `e.${AT} >= c.usable`,
  ].join(' AND ')
  return `WITH source AS ${mode === 'as-known' ? 'MATERIALIZED ' : ''}(${source}), candidates AS MATERIALIZED (SELECT *, 0 AS one FROM (${candidates}))
    SELECT e.${ROW}, ${view.features.map((f, i) => `CASE WHEN ${alive} THEN c.f${i} END AS ${quoteName(f.as)}`).join(', ')}${view.eventAs === undefined ? '' : `, CASE WHEN ${alive} THEN c.event END AS ${view.eventAs}`}
    FROM (SELECT *, 0 AS one FROM ${entities}) e ASOF LEFT JOIN candidates c ON ${on}`
}
