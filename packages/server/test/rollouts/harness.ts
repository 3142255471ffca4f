import { api, type NewRollout } from '@trestle/contract'
import {
  createRollouts,
  type Rollouts,
  type RolloutRecord,
} from '../../src/modules/rollouts/index.ts'
import type { Database } from '../../src/platform/database/index.ts'
import { createScheduler } from '../../src/platform/jobs/scheduler.ts'
import { silentLogger } from '../../src/platform/telemetry/logger.ts'
import type { World } from './world.ts'

/** A process that runs rollouts over a world: several may share a database, and a new one is a restart. */
export function startProcess(world: World, database: Database, processId = 'p1'): Rollouts {
  const log = silentLogger()
  const { endpoints } = world.ports
  const asWriter = async (): Promise<void> => {
    const lease = await database
      .as<{ rollout_leases: { holder: string } }>()
      .selectFrom('rollout_leases')
      .select('holder')
      .executeTakeFirst()
    if (lease?.holder !== processId)
      world.intrusions.push(`${processId} acted while ${lease?.holder ?? 'nobody'} held the lease`)
  }
  return createRollouts({
    database,
    clock: world.clock,
    scheduler: createScheduler({ log }), // never started: tests tick by hand
    log,
    completed: world.completed,
    ports: {
      ...world.ports,
      predictions: { find: async () => new Map() },
      queries: { instant: async (query) => world.query(query) },
      notices: { notify: async (notice) => void world.notices.push(notice) },
      endpoints: {
        ...endpoints,
        setTraffic: async (target) => {
          await asWriter()
          return endpoints.setTraffic(target)
        },
        addVariant: async (project, endpoint, request) => {
          await asWriter()
          return endpoints.addVariant(project, endpoint, request)
        },
      },
    },
    processId,
    config: { lookEveryMs: 5_000, leaseMs: 15_000 },
  })
}

/** A request as the contract parses it. */
export const newRollout = (body: object = {}): NewRollout =>
  api.rollouts.createRollout.body.parse({
    endpoint: 'fraud',
    model: 'fraud/2',
    strategy: {
      kind: 'canary',
      steps: [
        { weightPercent: 10, bakeMs: 60_000 },
        { weightPercent: 50, bakeMs: 60_000 },
      ],
      finalBakeMs: 60_000,
    },
    gates: [{ metric: 'error-rate', margin: 0.02 }],
    promoteAlias: 'champion',
    ...body,
  })

/** Traffic and ticks, ten seconds at a time, until the rollout has ended or the time is over. */
export async function runUntilEnd(
  context: { world: World; rollouts: Rollouts },
  id: string,
  options: { requestsPerTick?: number; ticks?: number } = {}
): Promise<RolloutRecord> {
  const { world, rollouts } = context
  let rollout = await rollouts.get('default', id)
  for (let i = 0; i < (options.ticks ?? 200) && rollout.state.endedAt === null; i++) {
    await rollouts.tick()
    world.send(options.requestsPerTick ?? 500, 10_000)
    rollout = await rollouts.get('default', id)
  }
  return rollout
}

/** Ticks until nothing moves any more at this moment. */
export async function settle(rollouts: Rollouts): Promise<void> {
  for (let i = 0; i < 3; i++) await rollouts.tick()
}
