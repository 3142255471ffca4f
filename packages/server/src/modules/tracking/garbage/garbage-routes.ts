import { api } from '@trestle/contract'
import type { FastifyInstance } from 'fastify'
import type { Clock } from '../../../kernel/clock.ts'
import { bindRoutes } from '../../../platform/http/index.ts'
import type { Garbage } from './garbage.ts'

export function addGarbageRoutes(
  app: FastifyInstance,
  deps: { garbage: Garbage; clock: Clock }
): void {
  bindRoutes(
    app,
    { name: 'garbage', routes: api.garbage },
    {
      collect: ({ graceMs, isDryRun }) =>
        deps.garbage.collect({ before: deps.clock.now() - graceMs, isDryRun }),
    }
  )
}
