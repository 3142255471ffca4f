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

test('a good version climbs step by step, and the alias moves only at the very end', async () => {
  const world = createWorld()
  const { rollouts } = await begin(world)
  const { id } = await create(rollouts)
  const end = await runUntilEnd({ world, rollouts }, id)

  expect(end.state.phase).toBe('promoted')
  expect(world.effects).toEqual([
    'add v2',
    'traffic v2=1000,v1=9000',
    'traffic v2=5000,v1=5000',
    'traffic v2=10000',
    'alias champion=2',
  ])
  const timeline = await rollouts.timeline(id)
  expect(timeline.map((t) => `${t.event} ${t.from}>${t.to}`)).toEqual(
    expect.arrayContaining([
      'created pending>pending',
      'candidate-ready pending>canary',
      'looked.advance canary>baking',
      'looked.advance baking>promoting',
      'settled promoting>promoted',
    ])
  )
  const advances = timeline.filter((t) => t.event === 'looked.advance' && t.to !== 'promoting')
  for (const step of advances) expect(step.verdicts.map((v) => v.verdict)).toEqual(['pass'])
  expect(advances[0]?.reason).toMatch(
    /error rate .* v .*, difference within .* margin 2 points.*: pass/
  )

  world.clock.advance(3_600_000)
  await settle(rollouts)
  expect(world.effects.at(-1)).toBe('remove v1')
})

test('a version with certain harm goes back to the very traffic that was there before', async () => {
  const world = createWorld()
  const before = world.endpoint().traffic
  world.behaviour['v2'] = { errorRate: 0.2, latencyMs: 20, loads: true }
  const { rollouts } = await begin(world)
  const { id } = await create(rollouts)
  const end = await runUntilEnd({ world, rollouts }, id)

  expect(end.state).toMatchObject({ phase: 'rolled-back', step: 0 })
  expect(end.state.reason).toContain('error rate')
  expect(world.endpoint().traffic).toEqual(before)
  expect(world.endpoint().variants.map((v) => v.name)).toEqual(['v1'])
  expect(world.aliases.get('champion')).toBe(1)
})

test('a version that does not load never gets a request', async () => {
  const world = createWorld()
  world.behaviour['v2'] = { errorRate: 0, latencyMs: 20, loads: false }
  const { rollouts } = await begin(world)
  const { id } = await create(rollouts)
  const end = await runUntilEnd({ world, rollouts }, id)
  expect(end.state).toMatchObject({
    phase: 'rolled-back',
    reason: 'The new variant does not run: the model file is broken',
  })
  expect(world.effects.filter((e) => e.startsWith('traffic'))).toEqual([])
})

test('a crashed candidate loses its weight at the next tick, without waiting for a look', async () => {
  const world = createWorld()
  const { rollouts } = await begin(world)
  const { id } = await create(rollouts)
  await settle(rollouts)
  expect(world.candidateWeight()).toBe(1_000)
  world.setVariant('v2', { state: 'failed', error: 'worker died' })
  world.clock.advance(1_000)
  await rollouts.tick()
  expect(world.candidateWeight()).toBe(0)
  expect((await rollouts.get('default', id)).state.reason).toContain('worker died')
})

test('too little traffic holds, says what is missing, and goes back at the deadline: it never promotes', async () => {
  const world = createWorld()
  const { rollouts } = await begin(world)
  const { id } = await create(rollouts, { deadlineMs: 600_000 })
  await settle(rollouts)
  world.send(30, 120_000)
  await settle(rollouts)
  const held = await rollouts.get('default', id)
  expect(held.state).toMatchObject({ phase: 'holding', hold: 'insufficient' })
  expect(held.state.reason).toMatch(/of 100 requests that this step needs/)
  expect(held.look?.verdicts[0]?.missing?.why).toMatch(/more of each variant|no samples/)
  world.send(10, 600_000)
  await settle(rollouts)
  expect((await rollouts.get('default', id)).state.phase).toBe('rolled-back')
})

test('with onInsufficient "freeze" the deadline waits for a person', async () => {
  const world = createWorld()
  const { rollouts } = await begin(world)
  const { id } = await create(rollouts, { deadlineMs: 300_000, onInsufficient: 'freeze' })
  await settle(rollouts)
  world.send(20, 400_000)
  await settle(rollouts)
  expect((await rollouts.get('default', id)).state).toMatchObject({
    phase: 'holding',
    hold: 'deadline',
  })
  world.send(20_000, 100_000)
  await settle(rollouts)
  expect((await rollouts.get('default', id)).state.hold).toBe('deadline')
  expect(world.candidateWeight()).toBe(1_000)
  await rollouts.act({
    project: 'default',
    id,
    action: 'resume',
    by: 'ann',
    note: 'more traffic now',
  })
  const end = await runUntilEnd({ world, rollouts }, id)
  expect(end.state.phase).toBe('promoted')
})

test('a metric source that is away holds, and its return lets the rollout go on', async () => {
  const world = createWorld()
  const { rollouts } = await begin(world)
  const { id } = await create(rollouts)
  await settle(rollouts)
  world.isEvidenceAway = true
  for (let i = 0; i < 12; i++) {
    world.send(500, 10_000)
    await rollouts.tick()
  }
  expect((await rollouts.get('default', id)).state).toMatchObject({
    phase: 'holding',
    hold: 'evidence-unavailable',
    step: 0,
  })
  world.isEvidenceAway = false
  expect((await runUntilEnd({ world, rollouts }, id)).state.phase).toBe('promoted')
})

test('when both arms fail it is the environment: the rollout holds and blames nobody', async () => {
  const world = createWorld()
  world.behaviour['v1'] = { errorRate: 0.6, latencyMs: 20, loads: true }
  world.behaviour['v2'] = { errorRate: 0.6, latencyMs: 20, loads: true }
  const { rollouts } = await begin(world)
  const { id } = await create(rollouts)
  await settle(rollouts)
  for (let i = 0; i < 12; i++) {
    world.send(1_000, 10_000)
    await rollouts.tick()
  }
  expect((await rollouts.get('default', id)).state).toMatchObject({
    phase: 'holding',
    hold: 'environment',
  })
  expect(world.candidateWeight()).toBe(1_000)
})

test('one rollout per endpoint: a second one is refused, unless it replaces the first and begins at step 0', async () => {
  const world = createWorld()
  const before = world.endpoint().traffic
  const { rollouts } = await begin(world)
  const first = await create(rollouts)
  await settle(rollouts)
  expect(await rollouts.mayChangeTraffic('ep_1')).toBe(false)
  await expect(create(rollouts, { model: 'fraud/3' })).rejects.toMatchObject({
    code: 'rollouts.in_progress',
  })
  const second = await create(rollouts, { model: 'fraud/3', replace: true })
  await settle(rollouts)
  expect((await rollouts.get('default', first.id)).state).toMatchObject({ phase: 'aborted' })
  expect((await rollouts.get('default', second.id)).state).toMatchObject({
    phase: 'canary',
    step: 0,
  })
  expect(second.spec.before).toEqual(before)
  expect(world.endpoint().variants.map((v) => v.name)).toEqual(['v1', 'v3'])
  expect(world.effects.slice(2)).toEqual([
    'traffic v1=10000',
    'remove v2',
    'add v3',
    'traffic v3=1000,v1=9000',
  ])
})

test('people pause, resume, promote and abort, and each leaves a name in the timeline', async () => {
  const world = createWorld()
  const { rollouts } = await begin(world)
  const { id } = await create(rollouts)
  await settle(rollouts)
  const act = (action: 'pause' | 'resume' | 'promote' | 'abort', by: string) =>
    rollouts.act({ project: 'default', id, action, by, note: '' })
  await act('pause', 'ann')
  world.send(20_000, 200_000)
  await settle(rollouts)
  expect((await rollouts.get('default', id)).state).toMatchObject({ phase: 'paused', step: 0 })
  await act('resume', 'bob')
  await act('promote', 'cleo')
  await settle(rollouts)
  expect((await rollouts.get('default', id)).state.phase).toBe('promoted')
  await expect(act('pause', 'ann')).rejects.toMatchObject({ code: 'resource.conflict' })
  // Instant return: the old variant is warm.
  await act('abort', 'dan')
  await settle(rollouts)
  expect((await rollouts.get('default', id)).state.phase).toBe('rolled-back')
  expect(world.endpoint().traffic.weights).toEqual([{ variant: 'v1', basisPoints: 10_000 }])
  expect(world.aliases.get('champion')).toBe(1)
  const timeline = await rollouts.timeline(id)
  expect(
    timeline.filter((t) => t.event.startsWith('human.')).map((t) => [t.actor, t.event])
  ).toEqual([
    ['ann', 'human.pause'],
    ['bob', 'human.resume'],
    ['cleo', 'human.promote'],
    ['dan', 'human.abort'],
  ])
})

test('a pause does not switch the protection off', async () => {
  const world = createWorld()
  world.behaviour['v2'] = { errorRate: 0.3, latencyMs: 20, loads: true }
  const { rollouts } = await begin(world)
  const { id } = await create(rollouts)
  await settle(rollouts)
  await rollouts.act({ project: 'default', id, action: 'pause', by: 'ann', note: '' })
  world.send(5_000, 10_000)
  await settle(rollouts)
  expect((await rollouts.get('default', id)).state.phase).toBe('rolled-back')
})

test('a step that needs approval waits for a person after its gates pass, and still rolls back while it waits', async () => {
  const world = createWorld()
  const { rollouts } = await begin(world)
  const strategy = {
    kind: 'canary',
    steps: [{ weightPercent: 20, bakeMs: 10_000, needsApproval: true }],
    finalBakeMs: 10_000,
  }
  const { id } = await create(rollouts, { strategy })
  await settle(rollouts)
  for (let i = 0; i < 5; i++) {
    world.send(2_000, 10_000)
    await rollouts.tick()
  }
  expect((await rollouts.get('default', id)).state).toMatchObject({ hold: 'approval', step: 0 })
  await rollouts.act({ project: 'default', id, action: 'approve', by: 'ann', note: '' })
  expect((await runUntilEnd({ world, rollouts }, id)).state.phase).toBe('promoted')

  const other = createWorld()
  const again = await begin(other)
  const waiting = await create(again.rollouts, { strategy })
  await settle(again.rollouts)
  for (let i = 0; i < 5; i++) {
    other.send(2_000, 10_000)
    await again.rollouts.tick()
  }
  other.behaviour['v2'] = { errorRate: 0.3, latencyMs: 20, loads: true }
  other.send(5_000, 10_000)
  await settle(again.rollouts)
  expect((await again.rollouts.get('default', waiting.id)).state.phase).toBe('rolled-back')
})

test('a shadow study ends with its verdict and moves no traffic', async () => {
  const world = createWorld()
  const { rollouts } = await begin(world)
  const { id } = await create(rollouts, { strategy: { kind: 'shadow', bakeMs: 30_000 } })
  const end = await runUntilEnd({ world, rollouts }, id)
  expect(end.state.phase).toBe('finished')
  expect(world.effects).toEqual([
    'add v2',
    'traffic v1=10000,v2~1',
    'traffic v1=10000',
    'remove v2',
  ])
})

test('blue-green: preview without traffic, then everything, with an absolute ceiling as the gate', async () => {
  const world = createWorld()
  const { rollouts } = await begin(world)
  const { id } = await create(rollouts, {
    strategy: { kind: 'blue-green', previewMs: 20_000, finalBakeMs: 60_000 },
    gates: [{ metric: 'error-rate', max: 0.05 }],
  })
  const end = await runUntilEnd({ world, rollouts }, id)
  expect(end.state.phase).toBe('promoted')
  expect(world.effects).toEqual([
    'add v2',
    'traffic v1=10000',
    'traffic v2=10000',
    'alias champion=2',
  ])
})

test('an alert ends the running rollout, or takes the last promotion back; told again, or of a rollout that began after it, it does nothing', async () => {
  const world = createWorld()
  const before = world.endpoint().traffic
  const { rollouts } = await begin(world)
  const alert = (action: 'abort-rollout' | 'roll-back', startsAt = world.clock.now()) =>
    rollouts.onAlert({
      project: 'default',
      endpoint: 'fraud',
      action,
      alert: { id: 'alr_1', title: 'Worse predictions on fraud', startsAt },
    })
  expect(await alert('roll-back')).toMatchObject({ state: 'skipped' })

  const first = await create(rollouts)
  await settle(rollouts)
  expect(world.candidateWeight()).toBe(1_000)
  expect(await alert('abort-rollout', world.clock.now() - 3_600_000)).toMatchObject({
    state: 'skipped',
    outcome: `Rollout ${first.id} began after the alert`,
  })
  expect(await alert('abort-rollout')).toMatchObject({ state: 'done' })
  await settle(rollouts)
  expect((await rollouts.get('default', first.id)).state).toMatchObject({
    phase: 'aborted',
    reason: 'Alert alr_1: Worse predictions on fraud',
  })
  expect(world.endpoint().traffic).toEqual(before)
  expect(await alert('roll-back')).toMatchObject({
    state: 'skipped',
    outcome: `Rollout ${first.id} was aborted already`,
  })

  world.clock.advance(1_000)
  const second = await create(rollouts)
  await runUntilEnd({ world, rollouts }, second.id)
  expect(world.aliases.get('champion')).toBe(2)
  expect(await alert('abort-rollout'), 'nothing runs').toMatchObject({ state: 'skipped' })
  expect(await alert('roll-back')).toMatchObject({ state: 'done' })
  await settle(rollouts)
  expect((await rollouts.get('default', second.id)).state.phase).toBe('rolled-back')
  expect(world.endpoint().traffic.weights).toEqual(before.weights)
  expect(world.aliases.get('champion')).toBe(1)
  const timeline = await rollouts.timeline(second.id)
  expect(timeline.find((entry) => entry.event === 'alerted')?.actor).toBe('alert alr_1')
})
