import type { Database } from '../../../../platform/database/index.ts'
import type { ServingTables } from '../../tables.ts'
import type { CallLimit } from '../call-limits.ts'

/** All SQL of the limits of callers. */
export function createLimitStore(database: Database) {
  const db = database.as<ServingTables>()
  return {
    async all(): Promise<CallLimit[]> {
      const rows = await db.selectFrom('llm_limits').selectAll().orderBy('name').execute()
      return rows.map((row) => ({
        project: row.project,
        name: row.name,
        apiKeyId: row.api_key_id,
        endpoint: row.endpoint,
        requestsPerMinute: row.requests_per_minute,
        tokensPerMinute: row.tokens_per_minute,
        maxConcurrent: row.max_concurrent,
      }))
    },
    async put(limit: CallLimit): Promise<void> {
      const row: ServingTables['llm_limits'] = {
        project: limit.project,
        name: limit.name,
        api_key_id: limit.apiKeyId,
        endpoint: limit.endpoint,
        requests_per_minute: limit.requestsPerMinute,
        tokens_per_minute: limit.tokensPerMinute,
        max_concurrent: limit.maxConcurrent,
      }
      await db
        .insertInto('llm_limits')
        .values(row)
        .onConflict((c) => c.columns(['project', 'name']).doUpdateSet(row))
        .execute()
    },
    async remove(project: string, name: string): Promise<boolean> {
      const result = await db
        .deleteFrom('llm_limits')
        .where('project', '=', project)
        .where('name', '=', name)
        .executeTakeFirst()
      return result.numDeletedRows === 1n
    },
  }
}
export type LimitStore = ReturnType<typeof createLimitStore>
