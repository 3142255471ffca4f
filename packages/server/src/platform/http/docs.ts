import type { FastifyInstance } from 'fastify'

/** `/openapi.json` and a page at `/docs` to read and try it, from our own files alone. `describe` runs once, at the first reader. */
export function addApiDocs(app: FastifyInstance, describe: () => object): void {
  let description: string | null = null
  app.get('/openapi.json', { config: { isPublic: true } }, async (_request, reply) => {
    description ??= JSON.stringify(describe())
    return reply.type('application/json').send(description)
  })
  void app.register(async (scope) => {
    scope.addHook('onRoute', (route) => {
      route.config = { ...route.config, isPublic: true }
    })
    const { default: scalar } = await import('@scalar/fastify-api-reference')
    await scope.register(scalar, {
      routePrefix: '/docs',
      configuration: {
        url: '/openapi.json',
        title: 'Trestle API',
        withDefaultFonts: false,
        telemetry: false,
        hideClientButton: true,
        defaultOpenAllTags: false,
        agent: { disabled: true },
        mcp: { disabled: true },
      },
    })
  })
}
