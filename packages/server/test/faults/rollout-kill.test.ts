import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient, type TrestleClient } from '@trestle/sdk'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { sendLookups, uploadLookups } from '../rollouts/lookups.ts'
import { spawnServer, type ServerProcess } from '../support/process.ts'

let dataDir = ''
let server: ServerProcess
let client: TrestleClient

const boot = async (): Promise<void> => {
  server = await spawnServer(dataDir, {
    TRESTLE_ROLLOUT_LOOK_MS: '200',
    TRESTLE_ROLLOUT_LEASE_MS: '2000',
  })
  client = createClient({ url: server.url })
}
const killAndBoot = async (): Promise<void> => {
  await server.kill('SIGKILL')
  await boot()
}

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'trestle-rollout-kill-'))
  await boot()
  await uploadLookups(client)
})
afterAll(async () => {
  await server.kill('SIGTERM')
  await rm(dataDir, { recursive: true, force: true })
})

const get = (id: string) => client.rollouts.getRollout({ id })
const eventually = (check: () => Promise<void>) =>
  vi.waitFor(check, { timeout: 20_000, interval: 100 })

const HOUR = 3_600_000
const gates = [{ metric: 'error-rate' as const, margin: 0.2, minSamples: 1, max: 0.5 }]
const canary = (needsApproval = false) => ({
  kind: 'canary' as const,
  steps: [{ weightPercent: 50, bakeMs: 0, minRequests: 40, needsApproval }],
  finalBakeMs: 0,
})
type Body = Partial<Parameters<TrestleClient['rollouts']['createRollout']>[0]>

/** Every state in which a rollout can stand, how it gets there, and how it goes on after the process was killed in it. */
const STATES: Record<
  string,
  {
    body: Body
    stands: string
    hold?: string
    before?: (endpoint: string) => Promise<unknown>
    after?: (id: string, endpoint: string) => Promise<unknown>
    ends: string
  }
> = {
  'pending, frozen': {
    body: { strategy: canary() },
    before: (endpoint) =>
      client.rollouts.putFreezeWindow({
        name: endpoint,
        endpoint,
        when: { kind: 'once', from: 0, to: Date.now() + HOUR },
      }),
    stands: 'pending',
    after: (_id, name) => client.rollouts.deleteFreezeWindow({ name }),
    ends: 'promoted',
  },
  shadow: {
    body: { strategy: { kind: 'shadow', bakeMs: HOUR } },
    stands: 'shadow',
    after: (id) => client.rollouts.abortRollout({ id, note: '' }),
    ends: 'aborted',
  },
  preview: {
    body: { strategy: { kind: 'blue-green', previewMs: HOUR } },
    stands: 'preview',
    after: (id) => client.rollouts.promoteRollout({ id, note: '' }),
    ends: 'promoted',
  },
  'canary that waits for requests': {
    body: { strategy: canary() },
    stands: 'holding',
    hold: 'insufficient',
    ends: 'promoted',
  },
  'canary of a harmful version': {
    body: { strategy: canary(), model: 'lookup/3' },
    stands: 'holding',
    hold: 'insufficient',
    ends: 'rolled-back',
  },
  'canary that waits for a person': {
    body: { strategy: canary(true) },
    stands: 'holding',
    hold: 'insufficient',
    after: async (id) => {
      await eventually(async () => expect((await get(id)).hold).toBe('approval'))
      await client.rollouts.approveRollout({ id, note: '' })
    },
    ends: 'promoted',
  },
  paused: {
    body: { strategy: canary() },
    stands: 'paused',
    after: (id) => client.rollouts.resumeRollout({ id, note: '' }),
    ends: 'promoted',
  },
  'A/B test': {
    body: {
      strategy: { kind: 'ab-test', goal: { kind: 'labels' }, minDurationMs: HOUR },
    },
    stands: 'ab-test',
    after: (id) => client.rollouts.promoteRollout({ id, note: '' }),
    ends: 'promoted',
  },
  bandit: {
    body: { strategy: { kind: 'bandit', goal: { kind: 'labels' }, minDurationMs: HOUR } },
    stands: 'bandit',
    after: (id) => client.rollouts.abortRollout({ id, note: '' }),
    ends: 'aborted',
  },
  baking: {
    body: { strategy: { kind: 'all-at-once', finalBakeMs: HOUR } },
    stands: 'baking',
    after: (id) => client.rollouts.promoteRollout({ id, note: '' }),
    ends: 'promoted',
  },
  'frozen at its deadline': {
    body: { strategy: canary(), deadlineMs: 1_000, onInsufficient: 'freeze' },
    stands: 'holding',
    hold: 'deadline',
    after: (id) => client.rollouts.abortRollout({ id, note: '' }),
    ends: 'aborted',
  },
}

test('killed in every state in which it can stand, a rollout stands there again and goes on to its end', async () => {
  const begun = new Map<string, { endpoint: string; id: string; traffic: unknown }>()
  for (const [i, [name, state]] of Object.entries(STATES).entries()) {
    const endpoint = `state-${i}`
    await client.serving.createEndpoint({ name: endpoint, model: 'lookup/1' })
    await state.before?.(endpoint)
    const { id } = await client.rollouts.createRollout({
      endpoint,
      model: 'lookup/2',
      gates,
      deadlineMs: HOUR,
      ...state.body,
    })
    begun.set(name, { endpoint, id, traffic: null })
  }
  const trafficOf = async (endpoint: string) =>
    (await client.serving.getEndpoint({ endpoint })).traffic
  for (const [name, one] of begun) {
    const state = STATES[name]
    await eventually(async () => {
      const { phase, hold, weights } = await get(one.id)
      if (state?.stands === 'paused' && phase !== 'paused' && phase !== 'pending')
        await client.rollouts.pauseRollout({ id: one.id, note: 'until tomorrow' })
      expect([name, phase, hold]).toEqual([name, state?.stands, state?.hold ?? null])
      const traffic = await trafficOf(one.endpoint)
      const live = traffic.weights.find((w) => w.variant !== 'v1')?.basisPoints ?? 0
      expect(live).toBe(weights.candidatePercent * 100)
    })
    one.traffic = await trafficOf(one.endpoint)
  }

  await killAndBoot()
  for (const [name, one] of begun) {
    const { phase, hold } = await get(one.id)
    const state = STATES[name]
    expect([name, phase, hold]).toEqual([name, state?.stands, state?.hold ?? null])
    expect(await trafficOf(one.endpoint)).toEqual(one.traffic)
  }

  for (const [name, one] of begun) {
    const state = STATES[name]
    const load = sendLookups(server.url, one.endpoint, { atOnce: 2 })
    await state?.after?.(one.id, one.endpoint)
    await eventually(async () => {
      const { phase, isActive } = await get(one.id)
      expect([name, phase, isActive]).toEqual([name, state?.ends, false])
    })
    await load.stop()
    const { weights } = await trafficOf(one.endpoint)
    expect(weights).toEqual([
      { variant: state?.ends === 'promoted' ? 'v2' : 'v1', basisPoints: 10_000 },
    ])
  }
}, 120_000)

test('killed at any moment on its way, also between two effects, it ends all the same, with the traffic of its end', async () => {
  await client.serving.createEndpoint({ name: 'moments', model: 'lookup/1' })
  for (let round = 0; round < 4; round++) {
    const { traffic } = await client.serving.getEndpoint({ endpoint: 'moments' })
    const old = traffic.weights[0]?.variant
    const { id } = await client.rollouts.createRollout({
      endpoint: 'moments',
      model: old === 'v1' ? 'lookup/2' : 'lookup/1',
      strategy: { kind: 'blue-green', previewMs: 0, finalBakeMs: 0 },
      gates: [{ metric: 'error-rate', max: 0.5, minSamples: 1 }],
      promoteAlias: 'champion',
      keepOldMs: null,
    })
    if (round % 2 === 1) await client.rollouts.abortRollout({ id, note: '' })
    const load = sendLookups(server.url, 'moments', { atOnce: 1, pauseMs: 5 })
    await new Promise((resolve) => setTimeout(resolve, round * 250))
    const killed = killAndBoot()
    await load.stop()
    await killed
    const again = sendLookups(server.url, 'moments', { atOnce: 1, pauseMs: 5 })
    await eventually(async () => expect((await get(id)).isActive).toBe(false))
    await again.stop()
    const { phase, candidate, baseline, timeline } = await get(id)
    const now = await client.serving.getEndpoint({ endpoint: 'moments' })
    expect(now.traffic.weights).toEqual([
      { variant: phase === 'promoted' ? candidate : baseline, basisPoints: 10_000 },
    ])
    const model = await client.registry.getModel({ name: 'lookup' })
    if (phase === 'promoted') expect(`v${model.aliases['champion'] ?? 0}`).toBe(candidate)
    expect(timeline.map((t) => t.seq)).toEqual(timeline.map((_t, i) => i + 1))
  }
}, 120_000)
