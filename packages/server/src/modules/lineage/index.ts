/**
 * Where things come from and where they go: code, runs, data, features, versions, endpoints, monitors as one graph; what it says of two versions
 * side by side, of one on its card, and to OpenLineage servers.
 * Owns no facts: modules to its left are asked through their doors, those to its right answer as `LineageSource`s.
 */
import type { FastifyInstance } from 'fastify'
import type { Clock } from '../../kernel/clock.ts'
import type { Component } from '../../platform/component.ts'
import type { Database } from '../../platform/database/index.ts'
import type { Scheduler } from '../../platform/jobs/scheduler.ts'
import type { Logger } from '../../platform/telemetry/logger.ts'
import type { Registry } from '../registry/index.ts'
import type { Tracking } from '../tracking/index.ts'
import type { LineageSource } from './graph/lineage-source.ts'
import { createTrainingSource } from './graph/training-source.ts'
import { createEmitter, type OpenLineageConfig } from './openlineage/emitter.ts'
import { createEvents } from './openlineage/events.ts'
import { createOutboxStore } from './openlineage/outbox-store.ts'
import { addLineageRoutes } from './routes.ts'

export { lineageMigrations } from './migrations/index.ts'
export { edgeOf, type LineageSource } from './graph/lineage-source.ts'
export type { OpenLineageConfig } from './openlineage/emitter.ts'

export interface Lineage extends Component {
  routes(app: FastifyInstance): void
}

const DELIVER_EVERY_MS = 1_000

export function createLineage(deps: {
  database: Database
  tracking: Tracking
  registry: Registry
  /** What lies further on: features, endpoints, monitors. Asked when a graph is drawn. */
  sources: readonly LineageSource[]
  clock: Clock
  scheduler: Scheduler
  log: Logger
  /** Null: nobody is told. */
  openLineage: OpenLineageConfig | null
  version: string
}): Lineage {
  const { tracking, registry, openLineage } = deps
  const sources = [createTrainingSource({ tracking, registry }), ...deps.sources]
  const emitter =
    openLineage === null
      ? null
      : createEmitter({
          config: openLineage,
          events: createEvents({
            namespace: openLineage.namespace,
            producer: `urn:trestle:${deps.version}`,
          }),
          store: createOutboxStore(deps.database),
          tracking,
          registry,
          clock: deps.clock,
          log: deps.log,
        })
  let unsubscribe: (() => void)[] = []

  return {
    name: 'lineage',
    routes: (app) => addLineageRoutes(app, { registry, sources }),
    async start() {
      if (emitter === null || unsubscribe.length > 0) return
      unsubscribe = [
        tracking.runChanged.subscribe(emitter.onRun),
        registry.changed.subscribe(emitter.onModel),
      ]
      deps.scheduler.every({
        name: 'openlineage',
        intervalMs: DELIVER_EVERY_MS,
        work: (signal) => emitter.deliverDue(signal),
      })
    },
    async stop() {
      for (const off of unsubscribe) off()
      unsubscribe = []
      await emitter?.settled()
    },
  }
}
