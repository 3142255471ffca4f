import type { Selectable } from 'kysely'
import type { Database } from '../../../platform/database/index.ts'
import type { ModelRow } from '../store.ts'
import type { ApprovalsTable, GuardsTable, RegistryTables, ReviewsTable } from '../tables.ts'

export type GuardRow = Selectable<GuardsTable>
export type ApprovalRow = Selectable<ApprovalsTable>
export type ReviewRow = Selectable<ReviewsTable>
export type Place = Readonly<{ kind: 'alias' | 'stage'; target: string }>

export interface GovernanceStore {
  guards(model: ModelRow): Promise<GuardRow[]>
  findGuard(model: ModelRow, place: Place): Promise<GuardRow | undefined>
  putGuard(row: GuardRow): Promise<void>
  removeGuard(model: ModelRow, place: Place): Promise<boolean>
  addApproval(row: ApprovalRow): Promise<void>
  findApproval(model: ModelRow, id: string): Promise<ApprovalRow | undefined>
  approvals(
    model: ModelRow,
    page: { before: string | undefined; limit: number }
  ): Promise<ApprovalRow[]>
  /** Approvals of a version for a place, newest first. */
  approvalsFor(model: ModelRow, version: number, place: Place): Promise<ApprovalRow[]>
  /** Moves an approval on from a state: false when it is no longer in it. */
  advance(
    row: ApprovalRow,
    to: Pick<ApprovalRow, 'state' | 'closed_at' | 'checks'>
  ): Promise<boolean>
  putReview(row: ReviewRow): Promise<void>
  reviews(ids: readonly string[]): Promise<ReviewRow[]>
}

export function createGovernanceStore(database: Database): GovernanceStore {
  const db = database.as<RegistryTables>()
  return {
    guards: (model) =>
      db
        .selectFrom('registry_guards')
        .selectAll()
        .where('model_key', '=', model.model_key)
        .orderBy('kind')
        .orderBy('target')
        .execute(),
    findGuard: (model, place) =>
      db
        .selectFrom('registry_guards')
        .selectAll()
        .where('model_key', '=', model.model_key)
        .where('kind', '=', place.kind)
        .where('target', '=', place.target)
        .executeTakeFirst(),
    async putGuard(row) {
      const { rule, by, updated_at } = row
      await db
        .insertInto('registry_guards')
        .values(row)
        .onConflict((c) =>
          c.columns(['model_key', 'kind', 'target']).doUpdateSet({ rule, by, updated_at })
        )
        .execute()
    },
    async removeGuard(model, place) {
      const result = await db
        .deleteFrom('registry_guards')
        .where('model_key', '=', model.model_key)
        .where('kind', '=', place.kind)
        .where('target', '=', place.target)
        .executeTakeFirst()
      return result.numDeletedRows > 0n
    },
    async addApproval(row) {
      await db.insertInto('registry_approvals').values(row).execute()
    },
    findApproval: (model, id) =>
      db
        .selectFrom('registry_approvals')
        .selectAll()
        .where('model_key', '=', model.model_key)
        .where('approval_id', '=', id)
        .executeTakeFirst(),
    approvals: (model, { before, limit }) => {
      const query = db
        .selectFrom('registry_approvals')
        .selectAll()
        .where('model_key', '=', model.model_key)
        .orderBy('approval_id', 'desc')
        .limit(limit)
      return (before === undefined ? query : query.where('approval_id', '<', before)).execute()
    },
    approvalsFor: (model, version, place) =>
      db
        .selectFrom('registry_approvals')
        .selectAll()
        .where('model_key', '=', model.model_key)
        .where('version', '=', version)
        .where('kind', '=', place.kind)
        .where('target', '=', place.target)
        .orderBy('approval_id', 'desc')
        .execute(),
    async advance(row, to) {
      const result = await db
        .updateTable('registry_approvals')
        .set(to)
        .where('approval_id', '=', row.approval_id)
        .where('state', '=', row.state)
        .executeTakeFirst()
      return result.numUpdatedRows === 1n
    },
    async putReview(row) {
      const { verdict, comment, at } = row
      await db
        .insertInto('registry_reviews')
        .values(row)
        .onConflict((c) =>
          c.columns(['approval_id', 'reviewer']).doUpdateSet({ verdict, comment, at })
        )
        .execute()
    },
    reviews: (ids) =>
      ids.length === 0
        ? Promise.resolve([])
        : db
            .selectFrom('registry_reviews')
            .selectAll()
            .where('approval_id', 'in', [...ids])
            .orderBy('at')
            .execute(),
  }
}
