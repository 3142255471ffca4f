import { afterEach, expect, test } from 'vitest'
import { newRollout, runUntilEnd, settle, startProcess } from '../../../test/rollouts/harness.ts'
import { createWorld, type World } from '../../../test/rollouts/world.ts'
import { openSqlite } from '../../../test/support/databases.ts'
import { rolloutMigrations, type Rollouts } from './index.ts'

const open: { stop: () => Promise<void> }[] = []
afterEach(async () => {
  for (const part of open.splice(0)) await part.stop()
})

async function begin(world: World): Promise<{ rollouts: Rollouts; restart: () => Rollouts }> {
  const { database, remove } = await openSqlite()
  await database.migrate([rolloutMigrations])
  open.push({
    stop: async () => {
      await database.stop(AbortSignal.timeout(1_000))
      await remove()
    },
  })
  let process = 0
  const restart = (): Rollouts => startProcess(world, database, `p${process++}`)
  return { rollouts: restart(), restart }
}
const create = (rollouts: Rollouts, body: object = {}) =>
  rollouts.create({ project: 'default', body: newRollout(body), by: 'ann' })
const labelled = (wrongRate: number) => ({ errorRate: 0, latencyMs: 20, loads: true, wrongRate })

const abTest = (more: object = {}) => ({
  strategy: {
    kind: 'ab-test',
    weightPercent: 30,
    goal: { kind: 'labels' },
    minDurationMs: 60_000,
    minRequests: 500,
    finalBakeMs: 10_000,
    ...more,
  },
  gates: [{ metric: 'error-rate' }],
  deadlineMs: 1_200_000,
})

test('an A/B test keeps its split until the labels name a winner, which is then promoted', async () => {
  const world = createWorld()
  world.behaviour['v1'] = labelled(0.3)
  world.behaviour['v2'] = labelled(0.2)
  const { rollouts } = await begin(world)
  const { id, spec } = await create(rollouts, abTest())
  expect(spec.gates.map((g) => [g.metric, g.margin])).toEqual([
    ['error-rate', 0.01],
    ['label-quality', -0],
  ])
  const end = await runUntilEnd({ world, rollouts }, id)
  expect(end.state.phase).toBe('promoted')
  expect(world.effects).toEqual([
    'add v2',
    'traffic v2=3000,v1=7000',
    'traffic v2=10000',
    'alias champion=2',
  ])
  const won = (await rollouts.timeline(id)).find((t) => t.event === 'looked.advance')
  expect(won?.from === 'ab-test' || won?.from === 'holding').toBe(true)
  expect(won?.reason).toContain('error rate of the labelled')
})

test('an A/B test without a winner gives the traffic back at its deadline, and one that loses does so at once', async () => {
  for (const [mine, reason] of [
    [0.3, /The deadline passed/],
    [0.45, /error rate of the labelled/],
  ] as const) {
    const world = createWorld({ seed: 4 })
    const before = world.endpoint().traffic
    world.behaviour['v1'] = labelled(0.3)
    world.behaviour['v2'] = labelled(mine)
    const { rollouts } = await begin(world)
    const { id } = await create(rollouts, abTest())
    const end = await runUntilEnd({ world, rollouts }, id)
    expect(end.state.phase).toBe('rolled-back')
    expect(end.state.reason).toMatch(reason)
    expect(world.endpoint().traffic).toEqual(before)
  }
})

test('with onWin "finish" a test ends with its verdict and leaves the traffic as it was', async () => {
  const world = createWorld()
  const before = world.endpoint().traffic
  world.behaviour['v1'] = labelled(0.3)
  world.behaviour['v2'] = labelled(0.2)
  const { rollouts } = await begin(world)
  const { id } = await create(rollouts, {
    ...abTest({ onWin: 'finish' }),
    promoteAlias: 'champion',
  })
  expect((await runUntilEnd({ world, rollouts }, id)).state.phase).toBe('finished')
  expect(world.endpoint().traffic).toEqual(before)
  expect(world.aliases.get('champion')).toBe(1)
})

const bandit = (more: object = {}) => ({
  strategy: {
    kind: 'bandit',
    goal: { kind: 'labels' },
    startPercent: 20,
    minPercent: 5,
    adjustEveryMs: 20_000,
    minDurationMs: 60_000,
    minRequests: 500,
    finalBakeMs: 10_000,
    ...more,
  },
  gates: [{ metric: 'error-rate', margin: 0.05 }],
  deadlineMs: 3_600_000,
})

test('a bandit moves its share to the better variant, within its bounds, and promotes it when that is certain', async () => {
  const world = createWorld()
  world.behaviour['v1'] = labelled(0.3)
  world.behaviour['v2'] = labelled(0.24)
  const { rollouts, restart } = await begin(world)
  const { id } = await create(rollouts, bandit())
  let current = rollouts
  for (let i = 0; i < 12; i++) {
    await current.tick()
    world.send(400, 10_000)
    if (i === 6) current = restart()
    if (i === 6) world.clock.advance(20_000)
  }
  const shares = (await current.timeline(id))
    .filter((t) => t.event === 'looked.reweight')
    .map((t) => t.weights.candidatePercent)
  expect(shares.length).toBeGreaterThanOrEqual(2)
  expect(Math.max(...shares)).toBeGreaterThan(80)
  for (const share of shares) {
    expect(share).toBeGreaterThanOrEqual(5)
    expect(share).toBeLessThanOrEqual(95)
  }
  const end = await runUntilEnd({ world, rollouts: current }, id)
  expect(end.state.phase).toBe('promoted')
  expect(world.intrusions).toEqual([])
})

test('a bandit takes its share away from the worse variant long before it is certain, and then ends', async () => {
  const world = createWorld()
  world.behaviour['v1'] = labelled(0.2)
  world.behaviour['v2'] = labelled(0.3)
  const { rollouts } = await begin(world)
  const { id } = await create(rollouts, bandit({ startPercent: 50 }))
  const end = await runUntilEnd({ world, rollouts }, id, { requestsPerTick: 200 })
  expect(end.state.phase).toBe('rolled-back')
  const shares = (await rollouts.timeline(id))
    .filter((t) => t.event === 'looked.reweight')
    .map((t) => t.weights.candidatePercent)
  expect(shares.at(-1)).toBe(5)
})

test('a freeze window stops every step forward and the deadline, not the protection', async () => {
  const world = createWorld()
  const { rollouts } = await begin(world)
  const by = { project: 'default', by: 'ann' }
  const now = world.clock.now()
  const when = { kind: 'once' as const, from: now, to: now + 7_200_000 }
  await rollouts.declared.putFreeze(by, { name: 'sale', endpoint: 'fraud', reason: 'peak', when })
  const { id } = await create(rollouts, { deadlineMs: 1_800_000 })
  await settle(rollouts)
  expect(world.effects).toEqual(['add v2', 'traffic v1=10000'].slice(0, world.effects.length))
  expect(world.candidateWeight()).toBe(0)
  expect((await rollouts.get('default', id)).state).toMatchObject({
    phase: 'pending',
    reason: expect.stringContaining('"sale" holds (peak)') as string,
  })
  world.clock.advance(7_200_000)
  await settle(rollouts)
  expect(world.candidateWeight()).toBe(1_000)

  const again = { kind: 'once' as const, from: now + 7_200_000, to: now + 14_400_000 }
  await rollouts.declared.putFreeze(by, {
    name: 'sale',
    endpoint: null,
    reason: '',
    when: again,
  })
  world.clock.advance(5_000) // the next look is due
  await settle(rollouts)
  world.send(30_000, 3_000_000)
  await settle(rollouts)
  expect((await rollouts.get('default', id)).state).toMatchObject({
    phase: 'holding',
    hold: 'freeze-window',
    step: 0,
  })
  world.clock.advance(4_200_001)
  const end = await runUntilEnd({ world, rollouts }, id)
  expect(end.state.phase).toBe('promoted')

  const harmful = createWorld()
  harmful.behaviour['v3'] = { errorRate: 0.4, latencyMs: 20, loads: true }
  const other = await begin(harmful)
  const bad = await create(other.rollouts, { model: 'fraud/3' })
  await settle(other.rollouts)
  await other.rollouts.declared.putFreeze(by, {
    name: 'ever',
    endpoint: null,
    reason: '',
    when: { kind: 'once', from: 0, to: harmful.clock.now() + 1e9 },
  })
  harmful.send(5_000, 20_000)
  await settle(other.rollouts)
  expect((await other.rollouts.get('default', bad.id)).state.phase).toBe('rolled-back')
})

test('a promotion to a stage archives the others when asked, and a return puts every stage back', async () => {
  const world = createWorld()
  world.stages.set(2, 'Staging')
  const { rollouts } = await begin(world)
  const { id } = await create(rollouts, { promoteStage: 'Production', archiveOthers: true })
  await runUntilEnd({ world, rollouts }, id)
  expect([...world.stages]).toEqual([
    [1, 'Archived'],
    [2, 'Production'],
  ])
  await rollouts.act({ project: 'default', id, action: 'abort', by: 'ann', note: '' })
  await settle(rollouts)
  expect([...world.stages]).toEqual([
    [1, 'Production'],
    [2, 'Staging'],
  ])
  expect(world.aliases.get('champion')).toBe(1)
})

test('an archived version is not rolled out, and one that is archived on the way goes back', async () => {
  const world = createWorld()
  world.stages.set(2, 'Archived')
  const { rollouts } = await begin(world)
  await expect(create(rollouts)).rejects.toMatchObject({ code: 'registry.version_not_ready' })
  world.stages.set(2, 'None')
  const { id } = await create(rollouts)
  await settle(rollouts)
  expect(world.candidateWeight()).toBe(1_000)
  await rollouts.onArchived({ project: 'default', name: 'fraud', version: 2 })
  await settle(rollouts)
  const { state } = await rollouts.get('default', id)
  expect(state).toMatchObject({
    phase: 'rolled-back',
    reason: 'The new variant does not run: fraud/2 was archived',
  })
  expect(world.candidateWeight()).toBe(0)
})

test('copies of a shadow stop when the cap of the day is spent, and go on the next day', async () => {
  const world = createWorld()
  world.usdPerCopy = 0.01
  const { rollouts } = await begin(world)
  await create(rollouts, {
    strategy: { kind: 'shadow', dailyCapUsd: 2, bakeMs: 3_600_000 },
    deadlineMs: 10 * 86_400_000,
  })
  await settle(rollouts)
  await rollouts.refreshBudgets()
  const copies = (): number => {
    let made = 0
    while (made < 1_000 && rollouts.mayShadow('ep_1', 'v2')) made++
    return made
  }
  expect(rollouts.mayShadow('ep_1', 'v1')).toBe(true)
  expect(copies()).toBe(200)
  world.send(200, 1_000)
  await rollouts.refreshBudgets()
  await rollouts.refreshBudgets()
  expect(copies()).toBe(0)
  world.clock.advance(86_400_000)
  await rollouts.refreshBudgets()
  expect(copies()).toBe(200)
})

test('copies without a price stop after the first few: a cap that can not be checked is not kept', async () => {
  const world = createWorld()
  const { rollouts } = await begin(world)
  const { id } = await create(rollouts, {
    strategy: { kind: 'shadow', dailyCapUsd: 2, bakeMs: 10_000, minRequests: 1_000 },
  })
  await settle(rollouts)
  let made = 0
  while (made < 1_000 && rollouts.mayShadow('ep_1', 'v2')) made++
  expect(made).toBe(200)
  world.send(200, 20_000)
  await rollouts.refreshBudgets()
  await settle(rollouts)
  expect((await rollouts.get('default', id)).state.reason).toContain('they have no price')
})

test('people are told of the beginning, the steps, what it waits for and the end, once each', async () => {
  const world = createWorld()
  const { rollouts } = await begin(world)
  const { id } = await create(rollouts)
  await runUntilEnd({ world, rollouts }, id)
  expect(world.notices.map((n) => [n.severity, n.title])).toEqual([
    ['info', 'fraud: rollout of v2 has begun'],
    ['info', 'fraud: v2 goes on to canary at 10 %'],
    ['info', 'fraud: v2 goes on to canary at 50 %'],
    ['info', 'fraud: v2 goes on to baking at 100 %'],
    ['info', 'fraud: v2 is promoted'],
  ])
  const bad = createWorld()
  bad.behaviour['v2'] = { errorRate: 0.4, latencyMs: 20, loads: true }
  const other = await begin(bad)
  await runUntilEnd({ world: bad, rollouts: other.rollouts }, (await create(other.rollouts)).id)
  expect(bad.notices.slice(-2).map((n) => [n.severity, n.title])).toEqual([
    ['critical', 'fraud: v2 is being taken back'],
    ['warning', 'fraud: v2 is rolled back'],
  ])
  expect(bad.notices.at(-1)?.text).toMatch(/error rate|newest 100/)
})

test('a query gate holds while the metric server is away or empty, and fails on what it says', async () => {
  const world = createWorld()
  const asked: string[] = []
  let answer: number | null | Error = null
  world.query = (query) => {
    asked.push(query)
    if (answer instanceof Error) throw answer
    return answer
  }
  const { rollouts } = await begin(world)
  const gates = [
    { metric: 'error-rate', margin: 0.05 },
    { metric: 'promql', name: 'lag', query: 'lag{e="{{endpoint}}",v="{{candidate}}"}', max: 10 },
  ]
  const { id } = await create(rollouts, { gates })
  const run = async (ticks: number) => {
    for (let i = 0; i < ticks; i++) {
      await rollouts.tick()
      world.send(1_000, 10_000)
    }
    return (await rollouts.get('default', id)).state
  }
  expect(await run(10)).toMatchObject({ phase: 'holding', hold: 'insufficient', step: 0 })
  expect(asked[0]).toBe('lag{e="fraud",v="v2"}')
  answer = new Error('connection refused')
  expect(await run(5)).toMatchObject({ phase: 'holding', hold: 'evidence-unavailable', step: 0 })
  answer = 3
  expect((await run(1)).step).toBeGreaterThanOrEqual(0)
  expect(await run(2)).toMatchObject({ step: 1 })
  answer = 99
  const end = await run(6)
  expect(end.phase).toBe('rolled-back')
  expect(end.reason).toContain('lag 99, at most 10: fail, 3 looks in a row')
})

test('the same policy said twice changes nothing, a wrong one is refused before it is needed, and rollouts take after it', async () => {
  const world = createWorld()
  const { rollouts } = await begin(world)
  const at = { project: 'default', by: 'ann' }
  const policy = {
    ...newPolicy,
    on: { alias: 'champion' },
    deadlineMs: 777_000,
  }
  const apply = (more: object = {}) =>
    rollouts.declared.apply(at, {
      policies: [policy],
      freezeWindows: [],
      prune: false,
      dryRun: false,
      ...more,
    })
  expect(await apply({ dryRun: true })).toMatchObject([{ kind: 'create' }])
  expect(await rollouts.declared.listPolicies('default')).toEqual([])
  expect(await apply()).toMatchObject([{ kind: 'create', subject: 'rollout policy fraud' }])
  expect(await apply()).toMatchObject([{ kind: 'unchanged' }])
  await expect(
    rollouts.declared.putPolicy(at, { ...policy, endpoint: 'other' })
  ).rejects.toMatchObject({ code: 'resource.conflict' })
  await expect(
    rollouts.declared.putPolicy(at, { ...policy, gates: [{ metric: 'agreement' }] })
  ).rejects.toMatchObject({ code: 'request.invalid' })
  const { spec, state, createdAt } = await rollouts.create({
    ...at,
    body: { endpoint: 'fraud', model: 'fraud/2', replace: false, archiveOthers: false },
  })
  expect(spec).toMatchObject({ strategy: newPolicy.strategy, promoteAlias: 'champion' })
  expect(state.deadlineAt - createdAt).toBe(777_000)
  expect(await apply({ policies: [], prune: true })).toMatchObject([{ kind: 'delete' }])
})

const newPolicy = {
  endpoint: 'fraud',
  model: 'fraud',
  strategy: { kind: 'all-at-once' as const, finalBakeMs: 1_000 },
  gates: [{ metric: 'error-rate' as const, max: 0.05 }],
  onInsufficient: 'roll-back' as const,
  failureLimit: 3,
  alpha: 0.02,
  environmentErrorRate: 0.25,
  keepOldMs: null,
}

test('a move that a policy is about becomes a rollout, made when it ends well and not when it does not', async () => {
  for (const isGood of [true, false]) {
    const world = createWorld()
    world.behaviour['v2'] = { errorRate: isGood ? 0 : 0.5, latencyMs: 20, loads: true }
    const { rollouts } = await begin(world)
    await rollouts.declared.putPolicy(
      { project: 'default', by: 'ann' },
      { ...newPolicy, on: { alias: 'champion' }, deadlineMs: 600_000 }
    )
    const move = {
      project: 'default',
      name: 'fraud',
      version: 2,
      to: { alias: 'champion' },
      archiveOthers: false,
      by: 'bob',
    }
    expect(await rollouts.deferMove({ ...move, to: { alias: 'challenger' } })).toBeNull()
    expect(await rollouts.deferMove({ ...move, version: 1 })).toBeNull()
    const deferral = await rollouts.deferMove(move)
    expect(deferral).not.toBeNull()
    expect(await rollouts.deferMove(move)).toEqual(deferral)
    expect(world.aliases.get('champion')).toBe(1)
    const end = await runUntilEnd({ world, rollouts }, deferral?.rolloutId ?? '')
    expect(end.createdBy).toBe('bob')
    expect(end.state.phase).toBe(isGood ? 'promoted' : 'rolled-back')
    expect(world.aliases.get('champion')).toBe(isGood ? 2 : 1)
  }
})
