import { expect, test } from 'vitest'
import { newRollout, settle, startProcess } from '../../../test/rollouts/harness.ts'
import { createWorld, eventOf } from '../../../test/rollouts/world.ts'
import { openSqlite } from '../../../test/support/databases.ts'
import { createTopic } from '../../platform/events/topic.ts'
import type { InferenceCompleted } from '../serving/index.ts'
import { createBreaker } from './breaker.ts'
import { rolloutMigrations } from './index.ts'

function watched() {
  const completed = createTopic<InferenceCompleted>('inference.completed', () => undefined)
  const trips: string[] = []
  const breaker = createBreaker({ completed, onTrip: (_id, reason) => trips.push(reason) })
  const rollout = { rolloutId: 'r', endpointId: 'ep_1', candidate: 'new', baseline: 'old' }
  breaker.watch({ ...rollout, stretch: '0' })
  const send = (variant: string, failed: boolean, role: 'live' | 'shadow' = 'live'): void =>
    completed.publish(eventOf({ at: 0, variant, role, failed, ms: 1 }))
  return { completed, breaker, trips, send, rollout }
}

test('trips on the 50th failure among the newest 100 requests: not on the 49th, and not twice', () => {
  const { trips, send } = watched()
  for (let i = 0; i < 49; i++) send('new', true)
  expect(trips).toEqual([])
  send('new', true)
  expect(trips).toEqual([
    '50 of the newest 50 requests of the new variant failed; of the old one 0 of 0',
  ])
  for (let i = 0; i < 100; i++) send('new', true)
  expect(trips).toHaveLength(1)
})

test('a variant that fails on 40 of 100 is left to the gates', () => {
  const { trips, send } = watched()
  for (let i = 0; i < 2_000; i++) send('new', i % 10 < 4)
  expect(trips).toEqual([])
})

test('does not trip while the old variant fails too, and says that the environment fails', () => {
  const { trips, send, breaker } = watched()
  for (let i = 0; i < 200; i++) {
    send('old', i % 2 === 0)
    send('new', true)
  }
  expect(trips).toEqual([])
  expect(breaker.isEnvironmentFailing('r')).toBe(true)
})

test('a new stage starts the counts anew, failures of shadows count, and a stopped breaker hears nothing', () => {
  const { trips, send, breaker, rollout } = watched()
  for (let i = 0; i < 49; i++) send('new', true)
  breaker.watch({ ...rollout, stretch: '1' })
  for (let i = 0; i < 49; i++) send('new', true, 'shadow')
  expect(trips).toEqual([])
  send('new', true, 'shadow')
  expect(trips).toHaveLength(1)
  breaker.watch({ ...rollout, stretch: '2' })
  breaker.stop()
  for (let i = 0; i < 100; i++) send('new', true)
  expect(trips).toHaveLength(1)
})

test('a request that was refused for its own faults is no failure of the variant', () => {
  const { completed, trips } = watched()
  const refused = eventOf({ at: 0, variant: 'new', role: 'live', failed: true, ms: 1 })
  for (let i = 0; i < 200; i++)
    completed.publish({ ...refused, status: 'rejected', errorCode: 'request.invalid' })
  expect(trips).toEqual([])
  for (let i = 0; i < 50; i++)
    completed.publish({ ...refused, status: 'rejected', errorCode: 'serving.overloaded' })
  expect(trips).toHaveLength(1)
})

test('a version that fails on everything loses its traffic by subscription alone, within a few requests of the 50th failure and without a tick', async () => {
  const world = createWorld()
  const { database, remove } = await openSqlite()
  await database.migrate([rolloutMigrations])
  const rollouts = startProcess(world, database)
  const { id } = await rollouts.create({ project: 'default', body: newRollout(), by: 'ann' })
  await settle(rollouts)
  expect(world.candidateWeight()).toBe(1_000)
  world.behaviour['v2'] = { errorRate: 1, latencyMs: 20, loads: true }
  let failures = 0
  const leave = world.completed.subscribe((event) => {
    if (event.variant === 'v2') failures++
  })
  const began = world.clock.now()
  // A thousand requests a second, with the event loop turning between them.
  for (let i = 0; i < 2_000 && world.candidateWeight() > 0; i++) {
    world.send(1, 1)
    await new Promise((resolve) => setImmediate(resolve))
  }
  leave()
  expect(world.candidateWeight()).toBe(0)
  expect(failures).toBeGreaterThanOrEqual(50)
  expect(failures).toBeLessThanOrEqual(60)
  expect(world.clock.now() - began).toBeLessThan(2_000)
  await settle(rollouts)
  const { state } = await rollouts.get('default', id)
  expect(state).toMatchObject({ phase: 'rolled-back' })
  expect(state.reason).toMatch(/^50 of the newest \d+ requests of the new variant failed/)
  await rollouts.stop(AbortSignal.timeout(1_000))
  await database.stop(AbortSignal.timeout(1_000))
  await remove()
})
