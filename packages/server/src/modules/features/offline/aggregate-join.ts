import type { DuckDBConnection } from '@duckdb/node-api'
import { quoteName } from '../../../platform/database/index.ts'
import type { AggregatePlan } from '../aggregate/plan.ts'
import { addEvent, readTiles, tileOf, type Tiles } from '../aggregate/tiles.ts'
import type { Value } from '../value.ts'
import { appendValue, CREATED, EVENT, fromDuckDb, SEQ, sqlType } from './columns.ts'
import { AT, ROW, type PointInTimeMode } from './point-in-time.ts'

/** A view whose windows are joined to the entity rows: its rows, its plan, and which features come out under which name. */
export type AggregatedView = Readonly<{
  rows: string
  keys: readonly { view: string; entity: string }[]
  plan: AggregatePlan
  features: readonly { at: number; as: string }[]
}>

/**
 * Makes a table `into` of the windows as they were at each entity row's instant, by the tiles that the online store folds events into: the events
 * of one key after another come in the order in which they became usable (as-known: at the later of event and created; as-corrected: at the event),
 * and each entity row reads the tiles as they are then. Memory holds one key's tiles at a time. A null key matches nothing: all null.
 */
export async function joinAggregates(
  connection: DuckDBConnection,
  { view, mode, into }: { view: AggregatedView; mode: PointInTimeMode; into: string }
): Promise<void> {
  const { plan, features } = view
  await connection.run(
    `CREATE TEMP TABLE ${into} (${[`${ROW} BIGINT`, ...features.map((f) => `${quoteName(f.as)} ${sqlType(plan.features[f.at]?.type ?? 'string')}`)].join(', ')})`
  )
  const appender = await connection.createAppender(into)
  const tiles: Tiles = new Map()
  let key: string | null = null
  const result = await connection.stream(mergedSql(view, mode))
  const keyCount = view.keys.length
  for (
    let chunk = await result.fetchChunk();
    chunk !== null && chunk.rowCount > 0;
    chunk = await result.fetchChunk()
  ) {
    for (const row of chunk.getRows()) {
      const cells = row.map(fromDuckDb)
      const keys = cells.slice(0, keyCount)
      const id = keys.map((k) => `${typeof k}${String(k)}`).join('\u0000')
      if (id !== key) {
        tiles.clear()
        key = id
      }
      const [at, entityRow, eventUs, createdUs, seq, ...values] = cells.slice(keyCount)
      const atUs = Number(at)
      if (entityRow === null || entityRow === undefined) {
        addEvent(plan, tiles, {
          eventUs: Number(eventUs),
          createdUs: Number(createdUs),
          seq: Number(seq),
          values,
        })
        continue
      }
      const oldest = tileOf(plan, atUs - plan.keepUs)
      for (const index of tiles.keys()) if (index < oldest) tiles.delete(index)
      const read: readonly Value[] = keys.includes(null) ? [] : readTiles(plan, tiles, atUs)
      appender.appendBigInt(BigInt(entityRow))
      for (const { at: feature } of features)
        appendValue(appender, plan.features[feature]?.type ?? 'string', read[feature] ?? null)
      appender.endRow()
    }
  }
  appender.closeSync()
}

/** Events and entity rows of every key in one order; at the same instant events come first, so that both ends of a window are in it. */
function mergedSql(view: AggregatedView, mode: PointInTimeMode): string {
  const keys = view.keys.map((_, i) => `k${i}`)
  const inputs = view.plan.inputs.map((input, i) => `${quoteName(input.name)} AS v${i}`)
  const usable = mode === 'as-known' ? `greatest(${EVENT}, ${CREATED})` : EVENT
  const asked =
    keys.length === 0
      ? ''
      : ` AND (${view.keys.map((k) => quoteName(k.view)).join(', ')}) IN (SELECT (${view.keys.map((k) => quoteName(k.entity)).join(', ')}) FROM entities)`
  const events = `SELECT ${[
    ...view.keys.map((k, i) => `${quoteName(k.view)} AS k${i}`),
    `${usable} AS usable`,
    `NULL::BIGINT AS ${ROW}`,
    `${EVENT} AS e`,
    `coalesce(${CREATED}, -9007199254740991) AS c`,
    `${SEQ} AS s`,
    ...inputs,
  ].join(
    ', '
  )} FROM ${view.rows} WHERE ${mode === 'as-known' ? `${CREATED} IS NOT NULL` : 'TRUE'}${asked}`
  const queries = `SELECT ${[
    ...view.keys.map((k, i) => `${quoteName(k.entity)} AS k${i}`),
    `${AT} AS usable`,
    ROW,
    ...['e', 'c', 's', ...inputs.map((_, i) => `v${i}`)].map((name) => `NULL AS ${name}`),
  ].join(', ')} FROM entities`
  return `SELECT * FROM (${events} UNION ALL ${queries}) ORDER BY ${[...keys, 'usable', `${ROW} NULLS FIRST`].join(', ')}`
}
