import { beforeEach, expect, test } from 'vitest'
import { onEveryDatabase } from '../../../test/support/databases.ts'
import { createManualClock } from '../../kernel/clock.ts'
import { createLeases } from './lease.ts'
import { rolloutMigrations } from './migrations/index.ts'
import { planOf } from './plan.ts'
import type { RolloutRecord, TransitionRecord } from './record.ts'
import { initialState, type RolloutState } from './state.ts'
import { createRolloutStore, type Commit } from './store.ts'
import type { RolloutTables } from './tables.ts'

const rollout = (id: string, endpointId = 'ep_1'): RolloutRecord => ({
  id,
  project: 'default',
  endpoint: 'fraud',
  endpointId,
  version: 1,
  spec: {
    model: { name: 'fraud', version: 2 },
    candidate: 'v2',
    candidateWasThere: false,
    baseline: 'v1',
    before: { salt: 's', weights: [{ variant: 'v1', basisPoints: 10_000 }], shadows: [] },
    strategy: { kind: 'preset', preset: 'fast' },
    plan: planOf({ kind: 'preset', preset: 'fast' }),
    gates: [],
    onInsufficient: 'roll-back',
    failureLimit: 3,
    alpha: 0.05,
    environmentErrorRate: 0.25,
    promoteAlias: null,
    promoteStage: null,
    archiveOthers: false,
    isByPolicy: false,
    keepOldMs: null,
    evicts: null,
  },
  state: initialState(1_795_459_210_948, 60_000),
  look: null,
  trouble: null,
  registryBefore: null,
  retireAt: null,
  createdAt: 1_795_459_210_948,
  createdBy: 'ann',
})
const transition: Omit<TransitionRecord, 'seq'> = {
  at: 1_795_459_210_949,
  actor: 'rollout-controller',
  event: 'looked.advance',
  from: 'pending',
  to: 'canary',
  step: 0,
  reason: 'because',
  weights: { candidatePercent: 0.01, shadowShare: 0.5 },
  verdicts: [
    {
      metric: 'error-rate',
      name: null,
      verdict: 'pass',
      isCritical: true,
      sentence: 'error rate 0.5 % v 0.5 %',
      estimate: 0,
      interval: { low: null, high: 0.001 },
      threshold: 0.01,
      samples: { candidate: 100, baseline: null },
      missing: null,
    },
  ],
}
const first: TransitionRecord = { ...transition, seq: 1, event: 'created', verdicts: [] }
const commitOf = (
  record: RolloutRecord,
  phase: RolloutState['phase'],
  fence: Commit['fence'] = null
): Commit => ({
  rollout: record,
  next: { ...record.state, phase },
  transition: { ...transition, to: phase },
  retireAt: null,
  fence,
})

onEveryDatabase([rolloutMigrations], (database) => {
  beforeEach(async () => {
    const db = database().as<RolloutTables>()
    await db.deleteFrom('rollouts').execute()
    await db.deleteFrom('rollout_transitions').execute()
    await db.deleteFrom('rollout_leases').execute()
  })

  test('a rollout comes back as it was written', async () => {
    const store = createRolloutStore(database())
    expect(await store.insert(rollout('rol_a'), first, null)).toBe(true)
    expect(await store.find('rol_a')).toEqual(rollout('rol_a'))
    expect(await store.timeline('rol_a')).toEqual([first])
  })

  test('an endpoint has one running rollout, and room for the next when it has ended', async () => {
    const store = createRolloutStore(database())
    const inserted = await Promise.all([
      store.insert(rollout('rol_a'), first, null),
      store.insert(rollout('rol_b'), first, null),
    ])
    expect(inserted.toSorted()).toEqual([false, true])
    expect(await store.insert(rollout('rol_c', 'ep_2'), first, null)).toBe(true)
    const running = await store.findActive('ep_1')
    if (running === null) throw new Error('none is running')
    expect(await store.commit(commitOf(running, 'rolled-back'))).toBe(true)
    expect(await store.findActive('ep_1')).toBeNull()
    expect(await store.insert(rollout('rol_d'), first, null)).toBe(true)
  })

  test('of two writers that read the same version one wins, and the timeline has one entry more', async () => {
    const store = createRolloutStore(database())
    await store.insert(rollout('rol_a'), first, null)
    const read = rollout('rol_a')
    const written = await Promise.all([
      store.commit(commitOf(read, 'canary')),
      store.commit(commitOf(read, 'aborted')),
    ])
    expect(written.toSorted()).toEqual([false, true])
    expect(await store.commit(commitOf(read, 'promoted'))).toBe(false)
    expect((await store.timeline('rol_a')).map((t) => t.seq)).toEqual([1, 2])
    expect((await store.timeline('rol_a'))[1]?.verdicts).toEqual(transition.verdicts)
  })

  test('a replacement ends the one and begins the other, or does neither', async () => {
    const store = createRolloutStore(database())
    const old = rollout('rol_a')
    await store.insert(old, first, null)
    const stale = commitOf({ ...old, version: 7 }, 'aborted')
    expect(await store.insert(rollout('rol_b'), first, stale)).toBe(false)
    expect((await store.findActive('ep_1'))?.id).toBe('rol_a')
    expect(await store.insert(rollout('rol_b'), first, commitOf(old, 'aborted'))).toBe(true)
    expect((await store.findActive('ep_1'))?.id).toBe('rol_b')
    expect((await store.find('rol_a'))?.state.phase).toBe('aborted')
  })

  test('a replacement that can not begin leaves the old one running', async () => {
    const store = createRolloutStore(database())
    const old = rollout('rol_a')
    await store.insert(old, first, null)
    await expect(
      store.insert(rollout('rol_a'), first, commitOf(old, 'aborted'))
    ).rejects.toMatchObject({ code: 'rollouts.in_progress' })
    expect((await store.findActive('ep_1'))?.version).toBe(1)
  })

  test('open are those that run and those whose old variants are due to go', async () => {
    const store = createRolloutStore(database())
    await store.insert(rollout('rol_a'), first, null)
    await store.insert(rollout('rol_b', 'ep_2'), first, null)
    const done = { ...commitOf(rollout('rol_b', 'ep_2'), 'promoted'), retireAt: 5_000 }
    await store.commit(done)
    expect((await store.listOpen(4_999)).map((r) => r.id)).toEqual(['rol_a'])
    expect((await store.listOpen(5_000)).map((r) => r.id)).toEqual(['rol_a', 'rol_b'])
    await store.clearRetire('rol_b')
    expect((await store.listOpen(9_000)).map((r) => r.id)).toEqual(['rol_a'])
  })

  test('the list pages from the newest back', async () => {
    const store = createRolloutStore(database())
    for (const i of [1, 2, 3]) await store.insert(rollout(`rol_${i}`, `ep_${i}`), first, null)
    const page = { project: 'default', endpoint: 'fraud', limit: 2, before: undefined }
    expect((await store.list(page)).map((r) => r.id)).toEqual(['rol_3', 'rol_2'])
    expect((await store.list({ ...page, before: 'rol_2' })).map((r) => r.id)).toEqual(['rol_1'])
    expect(await store.list({ ...page, project: 'other' })).toEqual([])
  })

  test('a lease has one holder; another takes it over when it has run out, with a higher token, and the old one may write no more', async () => {
    const clock = createManualClock(1_000_000)
    const leases = (holder: string) =>
      createLeases({ database: database(), clock, holder, lifetimeMs: 15_000 })
    const [a, b] = [leases('a'), leases('b')]
    const taken = await Promise.all([a.hold('ep_1'), b.hold('ep_1')])
    expect(taken.filter((fence) => fence !== null)).toHaveLength(1)
    const [winner, loser] = taken[0] === null ? [b, a] : [a, b]
    const old = await winner.hold('ep_1')
    if (old === null) throw new Error('the holder lost its lease')
    clock.advance(14_000)
    expect(await loser.hold('ep_1')).toBeNull()
    expect(await winner.hold('ep_1')).toEqual(old)
    clock.advance(15_000)
    expect(await winner.isHeld('ep_1', old)).toBe(false)
    const fresh = await loser.hold('ep_1')
    expect(fresh?.token).toBe(old.token + 1)
    expect(await winner.hold('ep_1')).toBeNull()

    const store = createRolloutStore(database())
    await store.insert(rollout('rol_a'), first, null)
    expect(await store.commit(commitOf(rollout('rol_a'), 'canary', old))).toBe(false)
    expect(await store.commit(commitOf(rollout('rol_a'), 'canary', fresh))).toBe(true)
    await loser.release('ep_1')
    expect((await winner.hold('ep_1'))?.token).toBe(old.token + 2)
  })

  test('a clock that was set back far does not lock an endpoint for ever', async () => {
    const clock = createManualClock(10_000_000)
    const make = (holder: string) =>
      createLeases({ database: database(), clock, holder, lifetimeMs: 15_000 })
    await make('a').hold('ep_1')
    clock.advance(-5_000_000)
    expect(await make('b').hold('ep_1')).toMatchObject({ holder: 'b', token: 2 })
  })
})
