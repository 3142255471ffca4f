import type { FastifyInstance } from 'fastify'

/** Something that readiness depends on. */
export type ReadinessCheck = Readonly<{ name: string; check: () => Promise<void> }>

/**
 * `/livez`: the process turns its event loop. `/readyz`: it can work now; 503 while it starts, drains, or a check fails, with each check by name.
 */
export function addHealthRoutes(
  app: FastifyInstance,
  deps: { checks: readonly ReadinessCheck[]; isDraining: () => boolean }
): void {
  app.get('/livez', { config: { isPublic: true } }, async () => ({ status: 'live' }))
  app.get('/readyz', { config: { isPublic: true } }, async (_request, reply) => {
    const results = await Promise.all(
      deps.checks.map(async ({ name, check }) => ({
        name,
        ok: await check()
          .then(() => true)
          .catch(() => false),
      }))
    )
    const isReady = !deps.isDraining() && results.every((result) => result.ok)
    if (!isReady) reply.header('retry-after', '1')
    return reply.status(isReady ? 200 : 503).send({
      status: deps.isDraining() ? 'draining' : isReady ? 'ready' : 'not ready',
      checks: results,
    })
  })
}
