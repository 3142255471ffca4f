import { createClient, type TrestleClient } from '@trestle/sdk'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { sampleEvent } from '../../src/modules/monitoring/test/sample-event.ts'
import { createWorld, type World } from '../rollouts/world.ts'
import { startTestApp } from '../support/app.ts'

let app: Awaited<ReturnType<typeof startTestApp>>
let client: TrestleClient
let world: World

beforeAll(async () => {
  world = createWorld({
    baselines: [
      { variant: 'v1', basisPoints: 10_000 },
      { variant: 'v2', basisPoints: 0 },
    ],
  })
  const { completed, clock, ports } = world
  app = await startTestApp({}, { completed, clock, endpoints: ports.endpoints })
  client = createClient({ url: app.url })
})
afterAll(() => app.stop())

const half = {
  endpoint: 'fraud',
  variant: 'v2',
  strategy: {
    kind: 'canary' as const,
    steps: [{ weightPercent: 50, bakeMs: 0 }],
    finalBakeMs: 0,
  },
}
const phaseOf = async (id: string) => (await client.rollouts.getRollout({ id })).phase
/** The world's clock moves with every question, since looks come every five seconds of it. */
const reaches = (id: string, phase: string) =>
  vi.waitFor(
    async () => {
      world.clock.advance(1_000)
      expect(await phaseOf(id)).toBe(phase)
    },
    { timeout: 15_000, interval: 50 }
  )

test('over HTTP, with the evidence that monitoring gathers from the predictions themselves, a good variant is promoted', async () => {
  const { id } = await client.rollouts.createRollout(half)
  await expect(client.rollouts.createRollout(half)).rejects.toMatchObject({
    code: 'rollouts.in_progress',
  })
  await vi.waitFor(() => expect(world.candidateWeight()).toBe(5_000), { timeout: 10_000 })
  await reaches(id, 'holding')
  world.send(12_000, 60_000)
  await reaches(id, 'promoted')
  const { timeline, ...rollout } = await client.rollouts.getRollout({ id })
  expect(rollout).toMatchObject({ isActive: false, weights: { candidatePercent: 100 } })
  const advance = timeline.find((entry) => entry.event === 'looked.advance')
  expect(advance?.verdicts.map((v) => [v.metric, v.verdict])).toEqual([
    ['error-rate', 'pass'],
    ['timeout-rate', 'pass'],
    ['latency-p95', 'pass'],
    ['nan-outputs', 'pass'],
    ['output-schema', 'pass'],
    ['sample-ratio', 'pass'],
  ])
  expect(advance?.verdicts[0]?.samples.candidate).toBeGreaterThanOrEqual(100)
  await client.rollouts.abortRollout({ id, note: 'trying the way back' })
  await reaches(id, 'rolled-back')
  expect(world.endpoint().traffic.salt).toBe('start')
  const audit = await client.identity.listAudit({})
  expect(audit.items.map((entry) => entry.action)).toContain('rollouts.abortRollout')
})

test('what can not begin is refused with its reason, and nothing is written', async () => {
  const before = await client.rollouts.listRollouts({})
  const refused: [object, string][] = [
    [{ endpoint: 'nowhere' }, 'serving.endpoint_not_found'],
    [{ variant: 'v9' }, 'serving.variant_not_found'],
    [{ variant: 'v1' }, 'resource.conflict'],
    [{ gates: [{ metric: 'agreement' }] }, 'request.invalid'],
    [{ gates: [{ metric: 'error-rate' }, { metric: 'error-rate' }] }, 'request.invalid'],
    [{ strategy: { kind: 'canary', steps: [] } }, 'request.invalid'],
  ]
  for (const [change, code] of refused)
    await expect(client.rollouts.createRollout({ ...half, ...change })).rejects.toMatchObject({
      code,
    })
  await expect(
    client.rollouts.createRollout({ endpoint: 'fraud', model: 'nobody/1' })
  ).rejects.toMatchObject({ code: 'registry.model_not_found' })
  await expect(client.rollouts.getRollout({ id: 'rol_none' })).rejects.toMatchObject({
    code: 'rollouts.rollout_not_found',
  })
  expect(await client.rollouts.listRollouts({})).toEqual(before)
})

test('a monitor whose alert begins to fire aborts the rollout that runs, and the audit log and the alert say so', async () => {
  const { id } = await client.rollouts.createRollout({
    ...half,
    strategy: { kind: 'canary', steps: [{ weightPercent: 50, bakeMs: 86_400_000 }] },
  })
  await vi.waitFor(() => expect(world.candidateWeight()).toBe(5_000), { timeout: 10_000 })
  const spec = {
    name: 'inputs',
    endpoint: 'fraud',
    reference: { kind: 'first', rows: 100 },
    window: { kind: 'rows', rows: 100 },
    watchOutputs: false,
    alertWhen: { drifted: 1, of: 1 },
  } as const
  await client.monitoring.putMonitor({ ...spec, onAlert: [{ do: 'abort-rollout' }] })
  for (let i = 0; i < 200; i++) {
    world.clock.advance(1)
    const amount = {
      name: 'amount',
      type: 'float' as const,
      values: [(i % 100) + (i < 100 ? 0 : 500)],
    }
    world.completed.publish(
      sampleEvent({ predictionId: `drift${i}`, at: world.clock.now(), inputs: [amount] })
    )
  }
  world.clock.advance(1_000)
  await vi.waitFor(
    async () => {
      world.clock.advance(1_000)
      await client.monitoring.evaluateMonitor({ name: 'inputs' })
      expect((await client.monitoring.listAlerts({ state: 'firing' })).items.length).toBe(1)
    },
    { timeout: 10_000, interval: 50 }
  )
  await reaches(id, 'aborted')
  await vi.waitFor(async () => {
    const { items } = await client.monitoring.listAlerts({})
    expect(items[0]?.actions).toMatchObject([
      {
        do: 'abort-rollout',
        state: 'done',
        outcome: `Rollout ${id} goes back to the version before`,
      },
    ])
  })
  const [alert] = (await client.monitoring.listAlerts({})).items
  const audit = await client.identity.listAudit({})
  expect(audit.items).toContainEqual(
    expect.objectContaining({
      actor: `alert ${alert?.id ?? ''}`,
      action: 'alert.abort-rollout',
      subject: 'fraud',
      status: 200,
    })
  )
})
