import type { Clock } from '../../kernel/clock.ts'
import type { Database } from '../../platform/database/index.ts'
import type { Fence } from './store.ts'
import type { RolloutTables } from './tables.ts'

/** The right to act on an endpoint, for one process at a time. */
export interface Leases {
  /** Takes or renews the lease; null while another process holds it. The token grows with every change of hands. */
  hold(endpointId: string): Promise<Fence | null>
  /** Whether the lease is still this one, with time left. */
  isHeld(endpointId: string, fence: Fence): Promise<boolean>
  /** Lets go, so that another process need not wait for the expiry. */
  release(endpointId: string): Promise<void>
}

/** Leases as rows. An expired one is taken over with a compare-and-set, so that of two takers one wins. */
export function createLeases(deps: {
  database: Database
  clock: Clock
  holder: string
  lifetimeMs: number
}): Leases {
  const { clock, holder, lifetimeMs } = deps
  const db = deps.database.as<RolloutTables>()

  const read = (endpointId: string) =>
    db
      .selectFrom('rollout_leases')
      .selectAll()
      .where('endpoint_id', '=', endpointId)
      .executeTakeFirst()

  return {
    async hold(endpointId) {
      const now = clock.now()
      const expiresAt = now + lifetimeMs
      const lease = await read(endpointId)
      if (lease === undefined) {
        const made = await db
          .insertInto('rollout_leases')
          .values({ endpoint_id: endpointId, holder, token: 1, expires_at: expiresAt })
          .onConflict((c) => c.doNothing())
          .executeTakeFirst()
        return made.numInsertedOrUpdatedRows === 1n ? { holder, token: 1 } : null
      }
      const isMine = lease.holder === holder
      // A far expiry is a clock that was set back: the lease is no longer than any lease.
      const isFree = lease.expires_at <= now || lease.expires_at > now + 2 * lifetimeMs
      if (!isMine && !isFree) return null
      const token = isMine ? lease.token : lease.token + 1
      const taken = await db
        .updateTable('rollout_leases')
        .set({ holder, token, expires_at: expiresAt })
        .where('endpoint_id', '=', endpointId)
        .where('token', '=', lease.token)
        .where('holder', '=', lease.holder)
        .executeTakeFirst()
      return taken.numUpdatedRows === 1n ? { holder, token } : null
    },

    async isHeld(endpointId, fence) {
      const lease = await read(endpointId)
      return (
        lease !== undefined &&
        lease.holder === fence.holder &&
        lease.token === fence.token &&
        lease.expires_at > clock.now()
      )
    },

    async release(endpointId) {
      await db
        .updateTable('rollout_leases')
        .set({ expires_at: 0 })
        .where('endpoint_id', '=', endpointId)
        .where('holder', '=', holder)
        .execute()
    },
  }
}
