import type { Database } from '../../../platform/database/index.ts'
import type { CostTables } from '../tables.ts'

export type BudgetRow = CostTables['budgets']

/** A budget in one of its windows, by which money is counted. */
export type WindowKey = Readonly<{ project: string; name: string; windowFrom: number }>

/** Money to be set aside in one window, in millionths of a dollar. */
export type Ask = WindowKey & Readonly<{ micro: number; limitMicro: number }>

/** All SQL of budgets. Amounts are whole millionths of a dollar: integers that SQL compares and adds exactly. */
export function createBudgetStore(database: Database) {
  const db = database.as<CostTables>()
  return {
    budgets(project?: string): Promise<BudgetRow[]> {
      let select = db.selectFrom('budgets').selectAll()
      if (project !== undefined)
        select = select.where((eb) =>
          eb.or([eb('project', '=', project), eb('every_project', '=', 1)])
        )
      return select.orderBy('project').orderBy('name').execute()
    },
    putBudget: async (row: BudgetRow) =>
      void (await db
        .insertInto('budgets')
        .values(row)
        .onConflict((c) => c.columns(['project', 'name']).doUpdateSet(row))
        .execute()),
    async deleteBudget(project: string, name: string): Promise<boolean> {
      const result = await db
        .deleteFrom('budgets')
        .where('project', '=', project)
        .where('name', '=', name)
        .executeTakeFirst()
      return result.numDeletedRows === 1n
    },

    /**
     * Sets money aside in every window that is asked for, or in none: `refused` names the first that has not enough left. What is spent, set aside by
     * any process and asked for never passes the limit, whoever asks at the same time.
     */
    async lease(
      holder: string,
      asks: readonly Ask[],
      now: number
    ): Promise<{ kind: 'granted' } | { kind: 'refused'; by: Ask }> {
      try {
        await db.transaction().execute(async (tx) => {
          // In one order for everybody, so that two transactions never wait for each other.
          for (const ask of asks.toSorted(byKey)) {
            const key = { project: ask.project, name: ask.name, window_from: ask.windowFrom }
            await tx
              .insertInto('budget_windows')
              .values({ ...key, spent_micro: 0, other_micro: 0, leased_micro: 0 })
              .onConflict((c) => c.doNothing())
              .execute()
            const taken = await tx
              .updateTable('budget_windows')
              .set((eb) => ({ leased_micro: eb('leased_micro', '+', ask.micro) }))
              .where('project', '=', ask.project)
              .where('name', '=', ask.name)
              .where('window_from', '=', ask.windowFrom)
              .where(
                (eb) =>
                  eb(eb('spent_micro', '+', eb.ref('other_micro')), '+', eb.ref('leased_micro')),
                '<=',
                ask.limitMicro - ask.micro
              )
              .executeTakeFirst()
            if (taken.numUpdatedRows !== 1n) throw new Refusal(ask)
            await tx
              .insertInto('budget_leases')
              .values({ ...key, holder, micro: ask.micro, renewed_at: now })
              .onConflict((c) =>
                c.columns(['holder', 'project', 'name', 'window_from']).doUpdateSet((eb) => ({
                  micro: eb('budget_leases.micro', '+', ask.micro),
                  renewed_at: now,
                }))
              )
              .execute()
          }
        })
        return { kind: 'granted' }
      } catch (error) {
        if (error instanceof Refusal) return { kind: 'refused', by: error.by }
        throw error
      }
    },

    /** Turns what was set aside into what is spent, and gives `returned` back; both leave the lease in one transaction. */
    async settle(
      holder: string,
      settled: readonly (WindowKey & { spentMicro: number; leasedMicro: number })[],
      now: number
    ): Promise<void> {
      await db.transaction().execute(async (tx) => {
        for (const one of settled.toSorted(byKey)) {
          await tx
            .insertInto('budget_windows')
            .values({
              project: one.project,
              name: one.name,
              window_from: one.windowFrom,
              spent_micro: 0,
              other_micro: 0,
              leased_micro: 0,
            })
            .onConflict((c) => c.doNothing())
            .execute()
          await tx
            .updateTable('budget_windows')
            .set((eb) => ({
              spent_micro: eb('spent_micro', '+', one.spentMicro),
              leased_micro: eb('leased_micro', '-', one.leasedMicro),
            }))
            .where('project', '=', one.project)
            .where('name', '=', one.name)
            .where('window_from', '=', one.windowFrom)
            .execute()
          await tx
            .updateTable('budget_leases')
            .set((eb) => ({ micro: eb('micro', '-', one.leasedMicro), renewed_at: now }))
            .where('holder', '=', holder)
            .where('project', '=', one.project)
            .where('name', '=', one.name)
            .where('window_from', '=', one.windowFrom)
            .execute()
        }
      })
    },

    /** Gives back what processes that are gone had set aside: those not heard of since `before`, and with `everyOther` all but `holder`. */
    async reclaim(options: {
      holder: string
      before: number
      everyOther: boolean
    }): Promise<number> {
      return db.transaction().execute(async (tx) => {
        let select = tx
          .selectFrom('budget_leases')
          .selectAll()
          .where('holder', '!=', options.holder)
        if (!options.everyOther) select = select.where('renewed_at', '<', options.before)
        const dead = await select.execute()
        for (const lease of dead) {
          const gone = await tx
            .deleteFrom('budget_leases')
            .where('holder', '=', lease.holder)
            .where('project', '=', lease.project)
            .where('name', '=', lease.name)
            .where('window_from', '=', lease.window_from)
            .where('micro', '=', lease.micro)
            .executeTakeFirst()
          if (gone.numDeletedRows !== 1n) continue
          await tx
            .updateTable('budget_windows')
            .set((eb) => ({ leased_micro: eb('leased_micro', '-', lease.micro) }))
            .where('project', '=', lease.project)
            .where('name', '=', lease.name)
            .where('window_from', '=', lease.window_from)
            .execute()
        }
        return dead.length
      })
    },
    /** Says that this process lives. */
    renew: async (holder: string, now: number) =>
      void (await db
        .updateTable('budget_leases')
        .set({ renewed_at: now })
        .where('holder', '=', holder)
        .execute()),

    async window(key: WindowKey) {
      const row = await db
        .selectFrom('budget_windows')
        .selectAll()
        .where('project', '=', key.project)
        .where('name', '=', key.name)
        .where('window_from', '=', key.windowFrom)
        .executeTakeFirst()
      return row ?? null
    },
    /** Brings a window up to what the ledger knows: LLM spend that a crash lost here, and the spend of other predictions. */
    async reconcile(
      key: WindowKey,
      ledger: { llmMicro: number; otherMicro: number }
    ): Promise<void> {
      await db
        .insertInto('budget_windows')
        .values({
          project: key.project,
          name: key.name,
          window_from: key.windowFrom,
          spent_micro: ledger.llmMicro,
          other_micro: ledger.otherMicro,
          leased_micro: 0,
        })
        .onConflict((c) =>
          c.columns(['project', 'name', 'window_from']).doUpdateSet((eb) => ({
            spent_micro: eb
              .case()
              .when('budget_windows.spent_micro', '<', ledger.llmMicro)
              .then(ledger.llmMicro)
              .else(eb.ref('budget_windows.spent_micro'))
              .end(),
            other_micro: ledger.otherMicro,
          }))
        )
        .execute()
    },

    /** True the first time that something is told of a window. */
    async firstTold(key: WindowKey & { kind: string }, now: number): Promise<boolean> {
      const result = await db
        .insertInto('budget_notices')
        .values({
          project: key.project,
          name: key.name,
          window_from: key.windowFrom,
          kind: key.kind,
          told_at: now,
        })
        .onConflict((c) => c.doNothing())
        .executeTakeFirst()
      return result.numInsertedOrUpdatedRows === 1n
    },
  }
}
export type BudgetStore = ReturnType<typeof createBudgetStore>

class Refusal extends Error {
  readonly by: Ask
  constructor(by: Ask) {
    super('refused')
    this.by = by
  }
}

const byKey = (a: WindowKey, b: WindowKey): number =>
  compare(a.project, b.project) || compare(a.name, b.name) || a.windowFrom - b.windowFrom

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
