import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newRollout, runUntilEnd, settle, startProcess } from '../../../test/rollouts/harness.ts'
import { createWorld, type World } from '../../../test/rollouts/world.ts'
import { openSqlite } from '../../../test/support/databases.ts'
import type { Database } from '../../platform/database/index.ts'
import { rolloutMigrations, type HumanAction, type Rollouts } from './index.ts'
import type { RolloutTables } from './tables.ts'

let database: Database
let close: () => Promise<void>
beforeAll(async () => {
  const opened = await openSqlite()
  database = opened.database
  await database.migrate([rolloutMigrations])
  close = async () => {
    await database.stop(AbortSignal.timeout(1_000))
    await opened.remove()
  }
})
afterAll(() => close())

/** Every world has the same endpoint id, so each begins on empty tables. */
async function emptyTables(): Promise<void> {
  const db = database.as<RolloutTables>()
  await db.deleteFrom('rollouts').execute()
  await db.deleteFrom('rollout_transitions').execute()
  await db.deleteFrom('rollout_leases').execute()
  await db.deleteFrom('rollout_freezes').execute()
}

const quick = {
  strategy: {
    kind: 'canary',
    shadowFirst: { bakeMs: 10_000, minRequests: 50 },
    steps: [{ weightPercent: 30, bakeMs: 10_000 }],
    finalBakeMs: 10_000,
  },
  gates: [{ metric: 'error-rate', margin: 0.05 }],
}
const split = {
  goal: { kind: 'labels' },
  minDurationMs: 10_000,
  minRequests: 50,
  finalBakeMs: 10_000,
}
const bandit = {
  strategy: { kind: 'bandit', startPercent: 30, adjustEveryMs: 10_000, ...split },
  gates: [{ metric: 'error-rate', margin: 0.05 }],
}
const abTest = {
  strategy: { kind: 'ab-test', weightPercent: 30, ...split },
  gates: [{ metric: 'error-rate', margin: 0.05 }],
}
const create = (rollouts: Rollouts, body: object = quick) =>
  rollouts.create({ project: 'default', body: newRollout(body), by: 'ann' })
const thaw = (rollouts: Rollouts): Promise<void> =>
  rollouts.declared.deleteFreeze('default', 'sale').catch(() => undefined)

test('a death before or after any effect changes nothing in what comes out: the next process takes up where it was', async () => {
  const goods = [
    'add v2',
    'traffic v1=10000,v2~1',
    'traffic v2=3000,v1=7000',
    'traffic v2=10000',
    'alias champion=2',
  ]
  for (let inEffects = 1; inEffects <= goods.length; inEffects++) {
    for (const when of ['before', 'after'] as const) {
      await emptyTables()
      const world = createWorld({ seed: inEffects })
      const isDead = (): boolean => world.crash === null
      world.crash = { inEffects, when }
      const first = startProcess(world, database, 'first')
      const { id } = await create(first)
      for (let i = 0; i < 60 && !isDead(); i++) {
        await first.tick()
        world.send(600, 10_000)
      }
      expect(isDead()).toBe(true)
      // The dead process never comes back; its lease runs out.
      world.clock.advance(20_000)
      const second = startProcess(world, database, 'second')
      const end = await runUntilEnd({ world, rollouts: second }, id, { requestsPerTick: 600 })
      if (inEffects === 1) {
        // A load that threw is a candidate that does not load: safe, and no request saw it.
        expect(end.state.phase).toBe('rolled-back')
        expect(world.candidateWeight()).toBe(0)
        continue
      }
      expect(end.state.phase).toBe('promoted')
      expect(world.endpoint().traffic.weights).toEqual([{ variant: 'v2', basisPoints: 10_000 }])
      expect(world.aliases.get('champion')).toBe(2)
      expect(new Set(world.effects)).toEqual(new Set(goods))
      expect(world.intrusions).toEqual([])
    }
  }
})

test('a death on the way back still ends with the old traffic and nothing left behind', async () => {
  for (const when of ['before', 'after'] as const) {
    for (const inEffects of [1, 2]) {
      await emptyTables()
      const world = createWorld()
      const before = world.endpoint().traffic
      const first = startProcess(world, database, 'first')
      const { id } = await create(first)
      await settle(first)
      await first.act({ project: 'default', id, action: 'abort', by: 'ann', note: '' })
      world.crash = { inEffects, when }
      await first.tick()
      world.clock.advance(20_000)
      const second = startProcess(world, database, 'second')
      await settle(second)
      expect((await second.get('default', id)).state.phase).toBe('aborted')
      expect(world.endpoint().traffic).toEqual(before)
      expect(world.endpoint().variants.map((v) => v.name)).toEqual(['v1'])
    }
  }
})

test('two processes on one database: one acts, the other waits, and takes over when the lease has run out', async () => {
  await emptyTables()
  const world = createWorld()
  const one = startProcess(world, database, 'one')
  const two = startProcess(world, database, 'two')
  const { id } = await create(one)
  for (let i = 0; i < 6; i++) {
    await Promise.all([one.tick(), two.tick()])
    world.send(600, 10_000)
  }
  world.clock.advance(20_000)
  for (let i = 0; i < 30; i++) {
    await two.tick()
    world.send(600, 10_000)
  }
  expect((await two.get('default', id)).state.phase).toBe('promoted')
  expect(world.intrusions).toEqual([])
  expect(world.effects).toHaveLength(new Set(world.effects).size)
})

type Step =
  | { kind: 'send'; requests: number }
  | { kind: 'tick'; process: 0 | 1; twice: boolean }
  | { kind: 'clock'; ms: number }
  | { kind: 'human'; action: HumanAction }
  | { kind: 'restart'; process: 0 | 1 }
  | { kind: 'crash-in-effect'; when: 'before' | 'after' }
  | { kind: 'evidence'; isAway: boolean }
  | { kind: 'behave'; errorRate: number }
  | { kind: 'die' }
  | { kind: 'freeze'; isFrozen: boolean }
  | { kind: 'archive' }

const process = fc.constantFrom(0 as const, 1 as const)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('send' as const),
      requests: fc.integer({ min: 0, max: 400 }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant('tick' as const), process, twice: fc.boolean() }),
  },
  fc.record({
    kind: fc.constant('clock' as const),
    ms: fc.integer({ min: -100_000, max: 100_000 }),
  }),
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('human' as const),
      action: fc.constantFrom<HumanAction>('pause', 'resume', 'promote', 'abort', 'approve'),
    }),
  },
  fc.record({ kind: fc.constant('restart' as const), process }),
  fc.record({
    kind: fc.constant('crash-in-effect' as const),
    when: fc.constantFrom('before' as const, 'after' as const),
  }),
  fc.record({ kind: fc.constant('evidence' as const), isAway: fc.boolean() }),
  fc.record({ kind: fc.constant('behave' as const), errorRate: fc.constantFrom(0, 0.01, 0.3, 1) }),
  fc.record({ kind: fc.constant('die' as const) }),
  fc.record({ kind: fc.constant('freeze' as const), isFrozen: fc.boolean() }),
  fc.record({ kind: fc.constant('archive' as const) })
)

test('random lives: never two writers, never more weight than was written down, promoted only on a pass or by a person, always an end or a stated hold', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 5, maxLength: 40 }),
      fc.integer(),
      fc.constantFrom(quick, bandit, abTest),
      fc.boolean(),
      async (steps, seed, body, loads) => {
        await emptyTables()
        const world = createWorld({ seed })
        world.behaviour['v1'] = { errorRate: 0.005, latencyMs: 20, loads: true, wrongRate: 0.2 }
        world.behaviour['v2'] = { errorRate: 0.005, latencyMs: 20, loads, wrongRate: 0.15 }
        const processes = [startProcess(world, database, 'a'), startProcess(world, database, 'b')]
        const at = (i: number): Rollouts => processes[i] ?? startProcess(world, database, 'c')
        const { id } = await create(at(0), body)
        for (const next of steps) {
          await apply(next, { world, at, id, replace: (i, fresh) => (processes[i] = fresh) })
          await check(world, at(0), id)
        }
        world.crash = null
        world.isEvidenceAway = false
        await thaw(at(0))
        world.clock.advance(200_000)
        // A day of healthy evidence: longer than the deadline, so that nothing may stand still without a person's word.
        world.behaviour['v2'] = { errorRate: 0.005, latencyMs: 20, loads, wrongRate: 0.15 }
        const last = startProcess(world, database, 'last')
        for (let i = 0; i < 12; i++) {
          await last.tick()
          world.send(300, 9_000_000)
        }
        const { state } = await last.get('default', id)
        if (!loads) expect(world.effects.some((e) => /traffic .*v2/.test(e))).toBe(false)
        if (state.phase === 'paused') expect(state.reason).toMatch(/^Paused by a person/)
        else expect(state.endedAt).not.toBeNull()
        await check(world, last, id)
        await Promise.all(processes.map((p) => p.stop(AbortSignal.timeout(1_000))))
      }
    ),
    { numRuns: 60, seed: 11, endOnFailure: true }
  )
})

let restarts = 0
async function apply(
  next: Step,
  context: {
    world: World
    at: (i: number) => Rollouts
    id: string
    replace: (i: number, fresh: Rollouts) => void
  }
): Promise<void> {
  const { world, at, id } = context
  switch (next.kind) {
    case 'send':
      world.send(next.requests, 10_000)
      return
    case 'tick':
      await (next.twice
        ? Promise.all([at(next.process).tick(), at(next.process).tick()])
        : at(next.process).tick())
      return
    case 'clock':
      world.clock.advance(next.ms)
      return
    case 'human':
      await at(1)
        .act({ project: 'default', id, action: next.action, by: 'ann', note: '' })
        .catch((error: unknown) => expect(error).toMatchObject({ code: 'resource.conflict' }))
      return
    case 'restart':
      context.replace(next.process, startProcess(world, database, `r${restarts++}`))
      return
    case 'crash-in-effect':
      world.crash = { inEffects: 1, when: next.when }
      return
    case 'evidence':
      world.isEvidenceAway = next.isAway
      return
    case 'behave':
      world.behaviour['v2'] = {
        errorRate: next.errorRate,
        latencyMs: 20,
        loads: world.behaviour['v2']?.loads ?? true,
        wrongRate: 0.15,
      }
      return
    case 'freeze':
      if (!next.isFrozen) return thaw(at(0))
      await at(0).declared.putFreeze(
        { project: 'default', by: 'ann' },
        { name: 'sale', endpoint: null, reason: '', when: { kind: 'once', from: 0, to: 1e14 } }
      )
      return
    case 'archive':
      await at(1).onArchived({ project: 'default', name: 'fraud', version: 2 })
      return
    case 'die':
      world.setVariant('v2', { state: 'failed', error: 'killed' })
      return
  }
}

async function check(world: World, rollouts: Rollouts, id: string): Promise<void> {
  expect(world.intrusions).toEqual([])
  const { state } = await rollouts.get('default', id)
  const timeline = await rollouts.timeline(id)
  expect(state.reason).not.toBe('')
  // Written before done: whatever the endpoint has was a goal in the timeline.
  expect(timeline.map((t) => t.weights.candidatePercent * 100)).toContain(world.candidateWeight())
  for (const [i, entry] of timeline.entries()) {
    expect(entry.seq).toBe(i + 1)
    // No step forward rests on a gate that did not pass, and none is taken by itself on anything but a look.
    if (entry.event === 'looked.advance')
      expect(entry.verdicts.map((v) => v.verdict)).toEqual(entry.verdicts.map(() => 'pass'))
    else if (entry.to === 'promoting' && entry.from !== 'promoting')
      expect([entry.event, entry.actor]).toEqual(['human.promote', 'ann'])
  }
}
