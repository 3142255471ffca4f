import type { FeatureStatistics, FeatureType } from '@trestle/contract'
import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api'
import type { Clock } from '../../../kernel/clock.ts'
import { quoteName } from '../../../platform/database/index.ts'
import type { DuckDb } from '../../../platform/duckdb/index.ts'
import { storedColumns } from '../aggregate/plan.ts'
import type { Catalog } from '../definitions/catalog.ts'
import type { ViewRecord } from '../definitions/model.ts'
import { SEQ } from '../offline/columns.ts'
import type { OfflineStore } from '../offline/offline-store.ts'

/** Over so many of the rows that came last: enough for a distribution, soon done. */
const MAX_ROWS = 1_000_000
const BINS = 20
const TOP = 10

export type ViewStatistics = Readonly<{
  rows: number
  sampled: number
  computedAt: number
  features: FeatureStatistics[]
}>

/** Statistics of a view's stored columns, computed when they are asked for and kept until rows come. */
export function createStatistics(deps: {
  catalog: Catalog
  offline: OfflineStore
  duckdb: DuckDb
  clock: Clock
}) {
  const { catalog, offline, duckdb, clock } = deps
  const known = new Map<number, { lastSeq: number; of: Promise<ViewStatistics> }>()

  const compute = (view: ViewRecord): Promise<ViewStatistics> =>
    duckdb.use(async (connection) => {
      await offline.openRows(connection, catalog.storageOf(view), { into: 'rows' })
      await connection.run(
        `CREATE TEMP TABLE newest AS SELECT * FROM rows ORDER BY ${SEQ} DESC LIMIT ${MAX_ROWS}`
      )
      const [[sampled = 0] = []] = (
        await connection.runAndReadAll('SELECT count(*) FROM newest')
      ).getRows()
      const features: FeatureStatistics[] = []
      for (const { name, type } of storedColumns(view))
        features.push(await describeColumn(connection, name, type))
      const { rows } = offline.log.facts(view.storageId)
      return { rows, sampled: Number(sampled), computedAt: clock.now(), features }
    })

  return (view: ViewRecord): Promise<ViewStatistics> => {
    const { lastSeq } = offline.log.facts(view.storageId)
    const before = known.get(view.storageId)
    if (before?.lastSeq === lastSeq) return before.of
    const of = compute(view)
    known.set(view.storageId, { lastSeq, of })
    of.catch(() => known.delete(view.storageId))
    return of
  }
}

async function describeColumn(
  connection: DuckDBConnection,
  name: string,
  type: FeatureType
): Promise<FeatureStatistics> {
  const column = quoteName(name)
  const isNumber = type !== 'string' && type !== 'bool'
  // NaN and the infinities have no place on an axis.
  const value = `CASE WHEN isfinite(CAST(${column} AS DOUBLE)) THEN CAST(${column} AS DOUBLE) END`
  const numbers = isNumber
    ? `min(v), max(v), avg(v), stddev_samp(v), approx_quantile(v, 0.05), approx_quantile(v, 0.5), approx_quantile(v, 0.95)`
    : 'NULL, NULL, NULL, NULL, NULL, NULL, NULL'
  const read = async (sql: string): Promise<DuckDBValue[][]> =>
    (await connection.runAndReadAll(sql)).getRows()
  const [facts = []] = await read(
    `SELECT count(*), count(*) - count(c), least(approx_count_distinct(c), count(c)), ${numbers} FROM (SELECT ${column} AS c, ${isNumber ? value : 'NULL'} AS v FROM newest)`
  )
  const [rows = 0, nulls = 0, distinct = 0, ...rest] = facts
  const [
    min = null,
    max = null,
    mean = null,
    deviation = null,
    p5 = null,
    median = null,
    p95 = null,
  ] = rest.map((x) => (x === null ? null : Number(x)))
  const bins =
    isNumber && min !== null && max !== null && max > min
      ? await read(
          `SELECT least(${BINS - 1}, CAST(floor((v - ${min}) / ${max - min} * ${BINS}) AS INTEGER)) AS bin, count(*) FROM (SELECT ${value} AS v FROM newest) WHERE v IS NOT NULL GROUP BY bin`
        ).then((found) => {
          const counts = new Map(found.map(([bin, n]) => [Number(bin), Number(n)]))
          const step = (max - min) / BINS
          return Array.from({ length: BINS }, (_, i) => ({
            label: Number((min + i * step).toPrecision(4)).toString(),
            rows: counts.get(i) ?? 0,
          }))
        })
      : (
          await read(
            `SELECT CAST(${column} AS VARCHAR), count(*) FROM newest WHERE ${column} IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ${TOP}`
          )
        ).map(([label, n]) => ({ label: String(label), rows: Number(n) }))
  return {
    name,
    type,
    rows: Number(rows),
    nulls: Number(nulls),
    distinct: Number(distinct),
    min,
    max,
    mean,
    deviation,
    p5,
    median,
    p95,
    bins,
  }
}
