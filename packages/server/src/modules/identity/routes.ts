import { api, type ApiKey } from '@trestle/contract'
import type { FastifyInstance } from 'fastify'
import type { Clock } from '../../kernel/clock.ts'
import { sortableId } from '../../kernel/ids.ts'
import { fail } from '../../platform/errors.ts'
import { bindRoutes } from '../../platform/http/index.ts'
import { hashSecret, newSecret, type KeyRing } from './key-ring.ts'
import type { IdentityStore, KeyRow } from './store.ts'

export function addIdentityRoutes(
  app: FastifyInstance,
  deps: { store: IdentityStore; keys: KeyRing; clock: Clock; version: string }
): void {
  const { store, keys, clock } = deps

  bindRoutes(
    app,
    { name: 'identity', routes: api.identity },
    {
      whoAmI: async (_input, { principal }) => ({
        actor: principal.actor,
        role: principal.role,
        project: principal.project,
        version: deps.version,
      }),

      listProjects: async (_input, { principal }) => ({
        items: (await store.listProjects())
          .filter((p) => principal.project === null || p.name === principal.project)
          .map((p) => ({ name: p.name, description: p.description, createdAt: p.created_at })),
      }),
      createProject: async (input, { principal }) => {
        if (principal.project !== null)
          throw fail('auth.forbidden', 'A key of one project makes no other')
        const row = { name: input.name, description: input.description, created_at: clock.now() }
        if (!(await store.insertProject(row)))
          throw fail('resource.already_exists', `There is a project "${input.name}"`)
        return { name: row.name, description: row.description, createdAt: row.created_at }
      },

      listKeys: async (_input, { principal }) => ({
        items: (await store.listKeys())
          .filter((k) => principal.project === null || k.project === principal.project)
          .map(toApiKey),
      }),
      createKey: async (input, { principal }) => {
        const project = input.project ?? principal.project
        if (principal.project !== null && project !== principal.project)
          throw fail(
            'auth.forbidden',
            `This key may make keys for project "${principal.project}" only`
          )
        if (project !== null && (await store.findProject(project)) === undefined)
          throw fail('resource.not_found', `No project "${project}"`)
        const secret = newSecret()
        const row: KeyRow = {
          id: sortableId('key', clock.now()),
          name: input.name,
          role: input.role,
          project,
          secret_hash: hashSecret(secret),
          prefix: secret.slice(0, 8),
          created_at: clock.now(),
          last_used_at: null,
          expires_at: input.expiresAt,
          revoked_at: null,
        }
        await store.insertKey(row)
        await keys.reload()
        return { ...toApiKey(row), secret }
      },
      revokeKey: async ({ id }, { principal }) => {
        const key = (await store.listKeys()).find(
          (k) => k.id === id && (principal.project === null || k.project === principal.project)
        )
        if (key === undefined || !(await store.revokeKey(id, clock.now())))
          throw fail('resource.not_found', `No API key "${id}"`)
        await keys.reload()
        return {}
      },

      listAudit: async ({ limit, pageToken }, { principal }) => {
        const rows = await store.listAudit({ limit, before: pageToken, project: principal.project })
        return {
          items: rows.map((r) => ({
            id: r.id,
            at: r.at,
            actor: r.actor,
            action: r.action,
            project: r.project,
            subject: r.subject,
            requestId: r.request_id,
            status: r.status,
          })),
          nextPageToken: rows.length === limit ? (rows.at(-1)?.id ?? null) : null,
        }
      },
    }
  )
}

const toApiKey = (row: KeyRow): ApiKey => ({
  id: row.id,
  name: row.name,
  role: row.role,
  project: row.project,
  prefix: row.prefix,
  createdAt: row.created_at,
  lastUsedAt: row.last_used_at,
  expiresAt: row.expires_at,
})
