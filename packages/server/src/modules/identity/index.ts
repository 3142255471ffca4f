/**
 * Who may do what: projects, API keys with roles, the audit log.
 * Owns no login page and no users: people come with keys. A secret is shown once and kept as a hash.
 */
import type { FastifyInstance } from 'fastify'
import type { Clock } from '../../kernel/clock.ts'
import { sortableId } from '../../kernel/ids.ts'
import type { Authenticate } from '../../platform/auth/index.ts'
import type { Component } from '../../platform/component.ts'
import type { Database } from '../../platform/database/index.ts'
import { DEFAULT_PROJECT, type AuditRecord } from '../../platform/http/index.ts'
import type { Scheduler } from '../../platform/jobs/scheduler.ts'
import { createKeyRing, hashSecret } from './key-ring.ts'
import { addIdentityRoutes } from './routes.ts'
import { createIdentityStore } from './store.ts'

export { identityMigrations } from './migrations/index.ts'

export type IdentityConfig = Readonly<{
  /** Whether callers without a key are admins: only where nobody but this machine can call. */
  allowAnonymous: boolean
  /** A key given from outside at start (`TRESTLE_ADMIN_KEY`): an admin key that lasts while it is set. Null means none. */
  adminKey: string | null
}>

export interface Identity extends Component {
  readonly authenticate: Authenticate
  recordMutation(entry: AuditRecord): Promise<void>
  routes(app: FastifyInstance): void
}

export function createIdentity(deps: {
  database: Database
  clock: Clock
  scheduler: Scheduler
  config: IdentityConfig
  version: string
}): Identity {
  const { clock, config } = deps
  const store = createIdentityStore(deps.database)
  const keys = createKeyRing({
    store,
    clock,
    scheduler: deps.scheduler,
    allowAnonymous: config.allowAnonymous,
  })
  const bootstrapHash = config.adminKey === null ? null : hashSecret(config.adminKey)

  return {
    name: 'identity',
    authenticate: (credentials) => {
      if (
        credentials !== null &&
        bootstrapHash !== null &&
        hashSecret(credentials.secret) === bootstrapHash
      ) {
        return { actor: 'bootstrap', keyId: null, role: 'admin', project: null }
      }
      return keys.authenticate(credentials)
    },
    recordMutation: async (entry) => {
      const at = clock.now()
      await store.insertAudit({
        id: sortableId('aud', at),
        at,
        actor: entry.actor,
        action: entry.action,
        project: entry.project,
        subject: entry.subject,
        request_id: entry.requestId,
        status: entry.status,
      })
    },
    routes: (app) => addIdentityRoutes(app, { store, keys, clock, version: deps.version }),
    async start() {
      await store.insertProject({
        name: DEFAULT_PROJECT,
        description: 'Where everything lives until you make another project',
        created_at: clock.now(),
      })
      await keys.reload()
      if (!config.allowAnonymous && bootstrapHash === null && !keys.hasAdminKey()) {
        throw new Error(
          'this address can be reached from other machines, and there is no admin key. Make one with "trestle keys create --name ops --role admin" while bound to 127.0.0.1, or set TRESTLE_ADMIN_KEY.'
        )
      }
    },
    async stop() {},
  }
}
