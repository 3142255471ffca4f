import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { onEveryDatabase } from '../../../../test/support/databases.ts'
import { createManualClock } from '../../../kernel/clock.ts'
import { parseMoney, type Money } from '../../../kernel/money.ts'
import { costMigrations } from '../index.ts'
import { createReservations } from './reservations.ts'
import { createBudgetStore, type BudgetRow } from './store.ts'
import { windowOf } from './windows.ts'

const START = Date.UTC(2026, 10, 23, 12)
const usd = (text: string): Money => parseMoney(text) ?? 0n
const MICRO = 1_000_000n

onEveryDatabase([costMigrations], (database) => {
  const setup = () => {
    // A project of its own: the suite shares its database.
    const project = randomUUID()
    const clock = createManualClock(START)
    const store = createBudgetStore(database())
    const scope = { project, endpoint: 'chat', apiKeyId: 'key_1', tag: 'acme' }
    const budget = (over: Partial<BudgetRow>): BudgetRow => ({
      project,
      name: 'all',
      endpoint: null,
      api_key_id: null,
      tag: null,
      every_project: 0,
      period: 'day',
      time_zone: 'UTC',
      usd: '1',
      warn_at: 0.8,
      hard_stop: 1,
      ...over,
    })
    const open = (holder: string, budgets: readonly BudgetRow[]) =>
      createReservations({
        store,
        clock,
        holder: `${project}/${holder}`.slice(0, 60),
        budgets: () => budgets,
      })
    const windowFrom = windowOf('day', 'UTC', START).from
    const gone = async (name = 'all'): Promise<Money> => {
      const row = await store.window({ project, name, windowFrom })
      return BigInt((row?.spent_micro ?? 0) + (row?.leased_micro ?? 0)) * MICRO
    }
    const spent = async (name = 'all'): Promise<number> =>
      (await store.window({ project, name, windowFrom }))?.spent_micro ?? 0
    return { project, clock, store, scope, budget, open, gone, spent }
  }

  test('1,000 concurrent reservations of four processes never pass a cap, and fill it', async () => {
    const { scope, budget, open, gone } = setup()
    const cap = budget({ usd: '1' })
    const processes = ['a', 'b', 'c', 'd'].map((name) => open(name, [cap]))
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, async (_, i) =>
        processes[i % processes.length]?.reserve(scope, usd('0.003'))
      )
    )
    const held = answers.filter((answer) => answer?.kind === 'held').length
    expect(held).toBeLessThanOrEqual(333)
    // What is left is less than one more call, but for what sits unused in a lease.
    expect(held).toBeGreaterThanOrEqual(320)
    expect(await gone()).toBeLessThanOrEqual(usd('1'))
  })

  test('what calls cost in the end is what is spent; what was held beyond it is free again', async () => {
    const { scope, budget, open, spent, clock, gone } = setup()
    const process = open('a', [budget({})])
    const held = await process.reserve(scope, usd('0.9'))
    if (held.kind !== 'held') throw new Error('refused')
    expect((await process.reserve(scope, usd('0.2'))).kind).toBe('refused')
    held.settle(usd('0.25'))
    held.settle(usd('0.25')) // once
    expect((await process.reserve(scope, usd('0.2'))).kind).toBe('held')
    await process.flush()
    expect(await spent()).toBe(250_000)
    clock.advance(20_000)
    await process.flush()
    expect(await gone()).toBe(usd('0.45'))
  })

  test('a call under several budgets is held in all of them or in none', async () => {
    const { scope, budget, open, gone } = setup()
    const budgets = [
      budget({ name: 'all', usd: '1' }),
      budget({ name: 'key', api_key_id: 'key_1', usd: '0.1' }),
      budget({ name: 'tag', tag: 'acme', usd: '0.05' }),
      budget({ name: 'other', endpoint: 'fraud', usd: '0.01' }),
    ]
    const process = open('a', budgets)
    const refused = await process.reserve(scope, usd('0.06'))
    expect(refused).toMatchObject({ kind: 'refused', budget: { name: 'tag' } })
    expect([await gone('all'), await gone('key'), await gone('tag'), await gone('other')]).toEqual([
      0n,
      0n,
      0n,
      0n,
    ])
    expect((await process.reserve(scope, usd('0.04'))).kind).toBe('held')
    expect(await gone('other')).toBe(0n)
  })

  test('a process that dies between reserve and settle gives its money back, and the ledger’s word counts', async () => {
    const { project, scope, budget, open, spent, gone, store, clock } = setup()
    const dead = open('dead', [budget({})])
    await dead.reserve(scope, usd('0.8'))
    const next = open('next', [budget({})])
    expect((await next.reserve(scope, usd('0.5'))).kind).toBe('refused')
    clock.advance(61_000)
    await next.keepAlive({ isAlone: false, deadAfterMs: 60_000 })
    expect((await next.reserve(scope, usd('0.5'))).kind).toBe('held')
    // The dead one had spent 0.3 that only the ledger knows.
    const windowFrom = windowOf('day', 'UTC', START).from
    await store.reconcile(
      { project, name: 'all', windowFrom },
      { llmMicro: 300_000, otherMicro: 0 }
    )
    expect(await spent()).toBe(300_000)
    expect((await next.reserve(scope, usd('0.3'))).kind).toBe('refused')
    expect(await gone()).toBeLessThanOrEqual(usd('1'))
  })

  test('an overspend of an estimate that was short counts, and nothing more is let in', async () => {
    const { scope, budget, open, spent } = setup()
    const process = open('a', [budget({ usd: '0.1' })])
    const held = await process.reserve(scope, usd('0.05'))
    if (held.kind !== 'held') throw new Error('refused')
    held.settle(usd('0.2'))
    await process.flush()
    expect(await spent()).toBe(200_000)
    expect((await process.reserve(scope, usd('0.001'))).kind).toBe('refused')
  })

  test('a new window begins with the whole budget, and late settlements count in the old one', async () => {
    const { scope, budget, open, spent, clock, store, project } = setup()
    const process = open('a', [budget({})])
    const held = await process.reserve(scope, usd('0.9'))
    if (held.kind !== 'held') throw new Error('refused')
    clock.advance(24 * 3_600_000)
    expect((await process.reserve(scope, usd('0.9'))).kind).toBe('held')
    held.settle(usd('0.7'))
    await process.flush()
    expect(await spent()).toBe(700_000)
    const next = await store.window({
      project,
      name: 'all',
      windowFrom: windowOf('day', 'UTC', clock.now()).from,
    })
    expect(next?.spent_micro).toBe(0)
  })

  test('whatever the order of reserving, settling, flushing and dying: spent and held never pass the cap', async () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('reserve' as const),
        at: fc.nat(2),
        micro: fc.integer({ min: 1, max: 400_000 }),
      }),
      fc.record({
        kind: fc.constant('settle' as const),
        at: fc.nat(2),
        part: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
      fc.record({ kind: fc.constant('flush' as const), at: fc.nat(2) }),
      fc.record({ kind: fc.constant('pause' as const), at: fc.nat(2) })
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const { scope, budget, open, gone, clock } = setup()
        const processes = [0, 1, 2].map((i) => ({
          money: open(String(i), [budget({})]),
          open: [] as { micro: bigint; settle: (usd: Money) => void }[],
        }))
        let spent = 0n
        for (const one of steps) {
          const process = processes[one.at]
          if (process === undefined) continue
          switch (one.kind) {
            case 'reserve': {
              const micro = BigInt(one.micro) * MICRO
              const answer = await process.money.reserve(scope, micro)
              if (answer.kind === 'held') process.open.push({ micro, settle: answer.settle })
              break
            }
            case 'settle': {
              const held = process.open.shift()
              if (held === undefined) break
              const used = (held.micro * BigInt(Math.round(one.part * 1_000))) / 1_000n
              held.settle(used)
              spent += used
              break
            }
            case 'flush':
              await process.money.flush()
              break
            case 'pause':
              clock.advance(11_000)
          }
          const held = processes.flatMap((p) => p.open).reduce((sum, { micro }) => sum + micro, 0n)
          expect(spent + held).toBeLessThanOrEqual(usd('1'))
          expect(await gone()).toBeLessThanOrEqual(usd('1'))
        }
      }),
      { numRuns: 25 }
    )
  })
})
