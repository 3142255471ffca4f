import { randomUUID } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { quoteText } from '../../../platform/database/index.ts'
import type { DuckDb } from '../../../platform/duckdb/index.ts'
import { fail } from '../../../platform/errors.ts'
import { FOCUS_COLUMNS, toCsv, type FocusRow } from './focus-rows.ts'

const query = z.object({
  format: z.enum(['csv', 'parquet']).default('csv'),
  from: z.coerce.number().int().nonnegative().optional(),
  to: z.coerce.number().int().nonnegative().optional(),
})

/** `GET /api/costs/focus`: costs in the format that FinOps tools read, as CSV or Parquet. */
export function addFocusRoute(
  app: FastifyInstance,
  deps: {
    duckdb: DuckDb
    rows: (
      project: string,
      span: { from: number | undefined; to: number | undefined }
    ) => Promise<FocusRow[]>
  }
): void {
  app.get('/api/costs/focus', { config: { role: 'viewer' } }, async (request, reply) => {
    const asked = query.safeParse(request.query)
    if (!asked.success)
      throw fail('request.invalid', asked.error.issues[0]?.message ?? 'format is csv or parquet')
    const { format, from, to } = asked.data
    const rows = await deps.rows(request.project, { from, to })
    reply.header('content-disposition', `attachment; filename="focus-${request.project}.${format}"`)
    return format === 'csv'
      ? reply.type('text/csv; charset=utf-8').send(toCsv(rows))
      : reply.type('application/vnd.apache.parquet').send(await toParquet(deps.duckdb, rows))
  })
}

const DECIMALS = new Set(['BilledCost', 'EffectiveCost', 'ListCost', 'ContractedCost'])
const NUMBERS = new Set(['PricingQuantity', 'ConsumedQuantity'])

/** The rows as one Parquet file, costs as exact decimals and times as timestamps. */
async function toParquet(duckdb: DuckDb, rows: readonly FocusRow[]): Promise<Buffer> {
  const folder = join(tmpdir(), `trestle-focus-${randomUUID()}`)
  await mkdir(folder, { recursive: true })
  const [source, target] = [join(folder, 'rows.csv'), join(folder, 'rows.parquet')]
  try {
    await writeFile(source, toCsv(rows))
    const types = FOCUS_COLUMNS.map((name) => `${quoteText(name)}: ${quoteText(typeOf(name))}`)
    await duckdb.run(
      `COPY (SELECT * FROM read_csv(${quoteText(source)}, header = true, columns = {${types.join(', ')}})) TO ${quoteText(target)} (FORMAT parquet, COMPRESSION zstd)`
    )
    return await readFile(target)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function typeOf(column: string): string {
  if (DECIMALS.has(column)) return 'DECIMAL(38,12)'
  if (NUMBERS.has(column)) return 'DOUBLE'
  return /Period(Start|End)$/.test(column) ? 'TIMESTAMP WITH TIME ZONE' : 'VARCHAR'
}
