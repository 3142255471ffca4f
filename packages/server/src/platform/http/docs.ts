import fastify, { type FastifyInstance } from 'fastify'

const CONFIGURATION = {
  url: '/openapi.json',
  title: 'Trestle API',
  withDefaultFonts: false,
  telemetry: false,
  hideClientButton: true,
  showDeveloperTools: 'never',
  agent: { disabled: true },
  mcp: { disabled: true },
} as const

/** `/openapi.json`, and a page at `/docs` to read and try it, from our own files alone. */
export function addApiDocs(app: FastifyInstance, describe: () => object): void {
  const open = { config: { isPublic: true } }
  let description: string | null = null
  app.get('/openapi.json', open, async (_request, reply) => {
    description ??= JSON.stringify(describe())
    return reply.type('application/json').send(description)
  })

  let pages: Promise<FastifyInstance> | null = null
  for (const url of ['/docs', '/docs/*']) {
    app.get(url, open, async (request, reply) => {
      const answer = await (
        await (pages ??= loadPages())
      ).inject({ method: 'GET', url: request.url })
      return reply.status(answer.statusCode).headers(answer.headers).send(answer.rawPayload)
    })
  }
}

/** The reader's pages, as an application of their own: their 4 MB of script are loaded when somebody first looks, not at every start. */
async function loadPages(): Promise<FastifyInstance> {
  const { default: scalar } = await import('@scalar/fastify-api-reference')
  const pages = fastify()
  await pages.register(scalar, { routePrefix: '/docs', configuration: CONFIGURATION })
  return pages
}
