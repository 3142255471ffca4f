import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance } from 'fastify'

const PAGE = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Trestle API</title><meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/docs/assets/swagger-ui.css"></head>
<body><div id="ui"></div><script src="/docs/assets/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script></body></html>`

const START =
  "SwaggerUIBundle({ url: '/openapi.json', dom_id: '#ui', docExpansion: 'none', deepLinking: true, tryItOutEnabled: true })"

/** `/openapi.json` and a page at `/docs` to read and try it. `describe` runs once, at the first reader. */
export function addApiDocs(app: FastifyInstance, describe: () => object): void {
  let description: string | null = null
  const open = { config: { isPublic: true } }
  app.get('/openapi.json', open, async (_request, reply) => {
    description ??= JSON.stringify(describe())
    return reply.type('application/json').send(description)
  })
  app.get('/docs', open, async (_request, reply) => reply.type('text/html').send(PAGE))
  app.get('/docs/start.js', open, async (_request, reply) =>
    reply.type('text/javascript').send(START)
  )
  void app.register(async (scope) => {
    scope.addHook('onRoute', (route) => {
      route.config = { ...route.config, isPublic: true }
    })
    await scope.register(fastifyStatic, {
      root: dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json')),
      prefix: '/docs/assets/',
      decorateReply: false,
    })
  })
}
