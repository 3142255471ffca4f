import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** First path segments that belong to programs: a browser that asks for a wrong one of these gets the API's own error. */
const PROGRAMS =
  /^\/(?:api|ajax-api|v1|v2|feast|docs|assets|metrics|livez|readyz|health|version|openapi\.json)(?:[/?]|$)/

// Mantine sets its measures as inline styles; scripts and everything else come from here only.
const CONTENT_SECURITY_POLICY =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; object-src 'none'; " +
  "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

const NOT_BUILT = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Trestle</title><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><style>body{font:16px/1.5 system-ui,sans-serif;max-width:36rem;margin:18vh auto;padding:0 1rem}
code{font:14px ui-monospace,monospace;background:#8883;padding:.2em .4em;border-radius:4px}</style></head>
<body><h1>Trestle is running</h1><p>The console is not built yet. Build it, then reload this page:</p>
<p><code>npm run build -w packages/console</code></p><p>The API is ready: <a href="/docs">its description</a>.</p></body></html>`

const require = createRequire(import.meta.url)

/** Where the built console lies. */
export const consoleFolder = (): string =>
  join(dirname(require.resolve('@trestle/console/package.json')), 'dist')

/**
 * Serves the console's files to everyone (they hold no data): hashed assets for good, the page itself never cached, so that a new version shows at once.
 * Any navigation that no route answers gets the page, which draws its own "not found". Call it before `guard`: a page needs no key.
 */
export function addConsole(app: FastifyInstance, folder: string): void {
  app.addHook('onRequest', async (request, reply) => {
    if (request.is404 && isNavigation(request)) return sendPage(reply, folder)
  })
  app.get('/', { config: { isPublic: true } }, async (_request, reply) => sendPage(reply, folder))
  void app.register(async (scope) => {
    scope.addHook('onRoute', (route) => {
      route.config = { ...route.config, isPublic: true }
    })
    await scope.register(fastifyStatic, {
      root: join(folder, 'assets'),
      prefix: '/assets/',
      decorateReply: false,
      index: false,
      immutable: true,
      maxAge: '365d',
      preCompressed: true,
    })
  })
}

function isNavigation(request: FastifyRequest): boolean {
  if (request.method !== 'GET' && request.method !== 'HEAD') return false
  return (request.headers.accept ?? '').includes('text/html') && !PROGRAMS.test(request.url)
}

async function sendPage(reply: FastifyReply, folder: string): Promise<FastifyReply> {
  const page = await readFile(join(folder, 'index.html'), 'utf8').catch(() => NOT_BUILT)
  return reply
    .header('cache-control', 'no-cache')
    .header('content-security-policy', CONTENT_SECURITY_POLICY)
    .header('referrer-policy', 'same-origin')
    .type('text/html; charset=utf-8')
    .send(page)
}
