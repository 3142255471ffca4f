import type { Clock } from '../../../kernel/clock.ts'
import { parseMoney, type Money } from '../../../kernel/money.ts'
import type { ChargeScope } from '../../serving/index.ts'
import type { BudgetRow, BudgetStore, WindowKey } from './store.ts'
import { windowOf } from './windows.ts'

/** Money set aside for one call. `settle` once, with what it cost in the end. */
export type Reservation = Readonly<{ kind: 'held'; settle: (usd: Money) => void }>
export type Refused = Readonly<{ kind: 'refused'; budget: BudgetRow; retryAt: number }>

const MICRO = 1_000_000n
/** A lease asks for this share of its budget more than is needed, so that the next calls need no database. */
const CHUNK_SHARE = 100
/** What nobody used for so long is given back to other processes. */
const IDLE_MS = 10_000

type Lease = {
  readonly key: WindowKey
  readonly to: number
  /** Set aside for this process in the database. */
  grantedMicro: number
  /** Held by calls under way. */
  held: Money
  /** Spent, and not yet written. */
  settled: Money
  usedAt: number
}

/**
 * Holds money against hard budgets before it is spent. A process leases an amount from the database, in one transaction over all budgets that a call
 * falls under, and gives it out from memory; so a call costs no query, and no number of processes passes a limit. What was spent is written every
 * second. A process that dies leaves its lease behind: others take it back, and the ledger tells what it had spent.
 */
export function createReservations(deps: {
  store: BudgetStore
  clock: Clock
  holder: string
  /** The budgets that stop calls. */
  budgets: () => readonly BudgetRow[]
}) {
  const { store, clock, holder } = deps
  const leases = new Map<string, Lease>()
  /** Leases of windows that are over, with what is left to write. */
  let past: Lease[] = []
  let asking: Promise<unknown> = Promise.resolve()
  let flushing: Promise<void> | null = null

  const leaseOf = (budget: BudgetRow, now: number): Lease => {
    const id = `${budget.project}/${budget.name}`
    const known = leases.get(id)
    if (known !== undefined && now < known.to && now >= known.key.windowFrom) return known
    if (known !== undefined) past.push(known)
    const { from, to } = windowOf(budget.period, budget.time_zone, now)
    const lease: Lease = {
      key: { project: budget.project, name: budget.name, windowFrom: from },
      to,
      grantedMicro: 0,
      held: 0n,
      settled: 0n,
      usedAt: now,
    }
    leases.set(id, lease)
    return lease
  }

  const free = (lease: Lease): Money =>
    BigInt(lease.grantedMicro) * MICRO - lease.held - lease.settled

  const hold = (under: readonly Lease[], usd: Money, now: number): Reservation => {
    for (const lease of under) {
      lease.held += usd
      lease.usedAt = now
    }
    let isOpen = true
    return {
      kind: 'held',
      settle(spent) {
        if (!isOpen) return
        isOpen = false
        for (const lease of under) {
          lease.held -= usd
          lease.settled += spent
        }
      },
    }
  }

  /** Asks the database for what the leases lack; one ask at a time, so that calls that come together share it. */
  const ask = async (budgets: readonly BudgetRow[], usd: Money): Promise<Reservation | Refused> => {
    for (let isExact = false; ; isExact = true) {
      const now = clock.now()
      const under = budgets.map((budget) => ({ budget, lease: leaseOf(budget, now) }))
      const lacking = under.filter(({ lease }) => free(lease) < usd)
      if (lacking.length === 0)
        return hold(
          under.map(({ lease }) => lease),
          usd,
          now
        )
      const asks = lacking.map(({ budget, lease }) => {
        const limit = parseMoney(budget.usd) ?? 0n
        const need = ceilMicro(usd - free(lease))
        return {
          ...lease.key,
          micro: isExact ? need : need + Number(limit / MICRO / BigInt(CHUNK_SHARE)),
          limitMicro: Number(limit / MICRO),
        }
      })
      const answer = await store.lease(holder, asks, now)
      if (answer.kind === 'granted') {
        for (const [i, { lease }] of lacking.entries()) lease.grantedMicro += asks[i]?.micro ?? 0
        continue
      }
      if (!isExact) continue
      const refusing = under.find(
        ({ budget }) => budget.name === answer.by.name && budget.project === answer.by.project
      )
      if (refusing === undefined) throw new Error('refused by a budget that was not asked')
      return { kind: 'refused', budget: refusing.budget, retryAt: refusing.lease.to }
    }
  }

  const write = async (): Promise<void> => {
    const now = clock.now()
    const all = [...leases.values(), ...past]
    const written = all.flatMap((lease) => {
      const spentMicro = Number(lease.settled / MICRO)
      const isIdle = now - lease.usedAt > IDLE_MS || now >= lease.to
      // Overspend of an estimate that was short was never leased: it only counts as spent.
      const owed = Math.min(spentMicro, lease.grantedMicro)
      const unused = isIdle ? Math.max(0, Number(free(lease) / MICRO)) : 0
      const leasedMicro = owed + unused
      if (spentMicro === 0 && leasedMicro === 0) return []
      lease.settled -= BigInt(spentMicro) * MICRO
      lease.grantedMicro -= leasedMicro
      return [{ lease, ...lease.key, spentMicro, leasedMicro }]
    })
    past = past.filter((lease) => lease.held > 0n || lease.settled >= MICRO)
    if (written.length === 0) return
    try {
      await store.settle(holder, written, now)
    } catch (error) {
      for (const { lease, spentMicro, leasedMicro } of written) {
        lease.settled += BigInt(spentMicro) * MICRO
        lease.grantedMicro += leasedMicro
        if (!past.includes(lease) && now >= lease.to) past.push(lease)
      }
      throw error
    }
  }

  return {
    /** Holds `usd` against every hard budget that the call falls under, or against none. */
    reserve(
      scope: ChargeScope,
      usd: Money
    ): Reservation | Refused | Promise<Reservation | Refused> {
      const budgets = deps.budgets().filter((budget) => isUnder(budget, scope))
      if (budgets.length === 0) return NO_LIMIT
      const now = clock.now()
      const under = budgets.map((budget) => leaseOf(budget, now))
      if (under.every((lease) => free(lease) >= usd)) return hold(under, usd, now)
      const answer = asking.then(() => ask(budgets, usd))
      asking = answer.catch(() => undefined)
      return answer
    },
    /** Writes what was spent, and gives back what nobody uses. */
    flush: (): Promise<void> =>
      (flushing ??= write().finally(() => {
        flushing = null
      })),
    /** Says that this process lives, and takes back what dead ones hold. */
    async keepAlive(options: { isAlone: boolean; deadAfterMs: number }): Promise<void> {
      const now = clock.now()
      await store.renew(holder, now)
      await store.reclaim({
        holder,
        before: now - options.deadAfterMs,
        everyOther: options.isAlone,
      })
    },
    /** Gives everything back: a budget changed, or the process ends. */
    async release(): Promise<void> {
      for (const lease of leases.values()) lease.usedAt = Number.NEGATIVE_INFINITY
      await this.flush()
    },
  }
}
export type Reservations = ReturnType<typeof createReservations>

const NO_LIMIT: Reservation = { kind: 'held', settle: () => undefined }

const ceilMicro = (usd: Money): number => Number((usd + MICRO - 1n) / MICRO)

/** Whether what is charged to `scope` counts against a budget. */
export const isUnder = (
  budget: BudgetRow,
  scope: { project: string; endpoint: string; apiKeyId: string | null; tag: string }
): boolean =>
  (budget.every_project === 1 || budget.project === scope.project) &&
  (budget.endpoint === null || budget.endpoint === scope.endpoint) &&
  (budget.api_key_id === null || budget.api_key_id === scope.apiKeyId) &&
  (budget.tag === null || budget.tag === scope.tag)
