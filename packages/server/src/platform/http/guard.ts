import type { Role } from '@trestle/contract'
import type { FastifyInstance } from 'fastify'
import type { IncomingHttpHeaders } from 'node:http'
import type { Authenticate, Principal } from '../auth/index.ts'
import { isOwnOrigin, mayAct, readCredentials } from '../auth/index.ts'
import { fail } from '../errors.ts'
import { DEFAULT_PROJECT } from './request-context.ts'
import { projectOfWorkspace } from './workspace.ts'

const PUBLIC: Principal = { actor: 'anyone', keyId: null, role: 'viewer', project: null }

/** Lets each request in or refuses it: key, role, project, and for callers without a key, their origin. */
export function guard(app: FastifyInstance, authenticate: Authenticate): void {
  app.decorateRequest('principal', null as unknown as Principal) // set below before any handler sees it
  app.decorateRequest('project', '')
  app.addHook('onRequest', (request, _reply, done) => {
    const { config } = request.routeOptions
    request.principal = config.isPublic === true ? PUBLIC : identify(request.headers, authenticate)
    request.project = projectOf(request.headers, request.principal)
    requireRole(
      request.principal,
      config.role ?? (request.method === 'GET' || request.method === 'HEAD' ? 'viewer' : 'operator')
    )
    done()
  })
  app.direct.letIn = (headers) => {
    const principal = identify(headers, authenticate)
    const project = projectOf(headers, principal)
    requireRole(principal, 'viewer')
    return { principal, project }
  }
}

function requireRole(principal: Principal, role: Role): void {
  if (!mayAct(principal, role))
    throw fail(
      'auth.forbidden',
      `This needs the role ${role}; the key of ${principal.actor} has ${principal.role}`
    )
}

function identify(headers: IncomingHttpHeaders, authenticate: Authenticate): Principal {
  const credentials = readCredentials(headers)
  const principal = authenticate(credentials)
  if (principal === null) {
    throw fail(
      'auth.unauthenticated',
      credentials === null
        ? 'Send an API key: "Authorization: Bearer <key>"'
        : 'This API key is not known, revoked or expired'
    )
  }
  if (credentials === null && !isOwnOrigin(headers)) {
    throw fail(
      'auth.cross_origin',
      'Without an API key, only this machine may call, by a loopback name and from Trestle’s own pages'
    )
  }
  return principal
}

function projectOf(headers: IncomingHttpHeaders, principal: Principal): string {
  return projectOfWorkspace(baseProjectOf(headers, principal), headers['x-mlflow-workspace'])
}

function baseProjectOf(headers: IncomingHttpHeaders, principal: Principal): string {
  const asked = headers['x-trestle-project']
  const own = principal.project
  if (typeof asked !== 'string' || asked === '') return own ?? DEFAULT_PROJECT
  if (own !== null && own !== asked)
    throw fail('auth.forbidden', `This key belongs to project "${own}"`)
  return asked
}
