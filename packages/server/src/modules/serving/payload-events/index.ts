import type { FastifyInstance } from 'fastify'
import { Counter, type Registry } from 'prom-client'
import type { Clock } from '../../../kernel/clock.ts'
import { takeRawBodies } from '../../../platform/http/index.ts'
import type { Fleet } from '../fleet.ts'
import type { InferenceCompleted } from '../inference-event.ts'
import { readBody } from '../protocols/http-request.ts'
import { findModel } from '../protocols/oip/model-info.ts'
import { readCloudEvents } from './cloud-event.ts'
import { COLLECTOR_LIMITS, createCollector, type Collected } from './collector.ts'
import { createEmitter, EMITTER_LIMITS, type Emitter } from './emitter.ts'

/** KServe's inference logger, both ways: ours to others' collectors, and others' to our inference log. */
export type PayloadEvents = Emitter & {
  routes(app: FastifyInstance, maxBodyBytes: number): void
  sweep(): void
}

export function createPayloadEvents(deps: {
  registry: Registry
  clock: Clock
  fleet: Fleet
  tell: (event: InferenceCompleted) => void
}): PayloadEvents {
  const counted = new Counter({
    name: 'trestle_payload_events_total',
    help: 'Halves of predictions as CloudEvents: sent, failed and dropped on the way out; paired, waiting, duplicate and lost on the way in.',
    labelNames: ['endpoint', 'outcome'] as const,
    registers: [deps.registry],
  })
  const emitter = createEmitter({
    limits: EMITTER_LIMITS,
    count: (endpoint, outcome) => counted.inc({ endpoint, outcome }),
  })
  const collector = createCollector({
    clock: deps.clock,
    limits: COLLECTOR_LIMITS,
    tell: deps.tell,
    lost: (endpoint) => counted.inc({ endpoint, outcome: 'lost' }),
  })
  return {
    ...emitter,
    sweep: () => collector.sweep(),
    routes(app, maxBodyBytes) {
      void app.register(async (scope) => {
        takeRawBodies(scope)
        scope.post<{ Params: { endpoint: string } }>(
          '/endpoints/:endpoint/events',
          { config: { role: 'operator', audit: false } },
          async (request, reply) => {
            const endpoint = findModel(deps.fleet, request.project, request.params.endpoint)
            const body = await readBody(request, maxBodyBytes)
            const counts: Record<Collected, number> = { paired: 0, waiting: 0, duplicate: 0 }
            for (const event of readCloudEvents(body, (name) => oneOf(request.headers[name]))) {
              const outcome = collector.collect(endpoint, event, body.byteLength)
              counts[outcome]++
              counted.inc({ endpoint: endpoint.stored.name, outcome })
            }
            return reply.status(202).send(counts)
          }
        )
      })
    },
  }
}

const oneOf = (value: string | string[] | undefined): string | undefined =>
  typeof value === 'string' ? value : undefined
