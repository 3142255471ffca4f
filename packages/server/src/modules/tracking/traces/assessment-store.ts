import type { Database } from '../../../platform/database/index.ts'
import { createGroupCommit } from '../runs/group-commit.ts'
import type { TrackingTables } from '../tables.ts'
import type { AssessmentRow } from './trace-records.ts'

export interface AssessmentStore {
  /** Adds an assessment and makes the one it overrides invalid. False when that one is not there. */
  insert(row: AssessmentRow): Promise<boolean>
  find(traceKey: number, assessmentId: string): Promise<AssessmentRow | undefined>
  update(row: AssessmentRow): Promise<void>
  /** Deletes an assessment; the one it had overridden counts again. */
  remove(row: AssessmentRow): Promise<void>
}

export function createAssessmentStore(database: Database): AssessmentStore {
  const db = database.as<TrackingTables>()
  const inTransaction = createGroupCommit(db, database.dialect)
  return {
    insert: (row) =>
      inTransaction(async (tx) => {
        if (row.overrides !== null) {
          const overridden = await tx
            .updateTable('trace_assessments')
            .set({ valid: 0 })
            .where('trace_key', '=', row.trace_key)
            .where('assessment_id', '=', row.overrides)
            .executeTakeFirst()
          if (overridden.numUpdatedRows === 0n) return false
        }
        const { trace_key: _key, assessment_id: _id, ...rest } = row
        await tx
          .insertInto('trace_assessments')
          .values(row)
          .onConflict((c) => c.columns(['trace_key', 'assessment_id']).doUpdateSet(rest))
          .execute()
        return true
      }),
    find: (traceKey, assessmentId) =>
      db
        .selectFrom('trace_assessments')
        .selectAll()
        .where('trace_key', '=', traceKey)
        .where('assessment_id', '=', assessmentId)
        .executeTakeFirst(),
    async update(row) {
      await db
        .updateTable('trace_assessments')
        .set({ name: row.name, value: row.value, number: row.number, body: row.body })
        .where('trace_key', '=', row.trace_key)
        .where('assessment_id', '=', row.assessment_id)
        .execute()
    },
    remove: (row) =>
      inTransaction(async (tx) => {
        if (row.overrides !== null)
          await tx
            .updateTable('trace_assessments')
            .set({ valid: 1 })
            .where('trace_key', '=', row.trace_key)
            .where('assessment_id', '=', row.overrides)
            .execute()
        await tx
          .deleteFrom('trace_assessments')
          .where('trace_key', '=', row.trace_key)
          .where('assessment_id', '=', row.assessment_id)
          .execute()
      }),
  }
}
