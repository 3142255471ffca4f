import { createHash, randomBytes } from 'node:crypto'
import type { Clock } from '../../kernel/clock.ts'
import type { Credentials, Principal } from '../../platform/auth/index.ts'
import type { Scheduler } from '../../platform/jobs/scheduler.ts'
import type { IdentityStore, KeyRow } from './store.ts'

const TOUCH_EVERY_MS = 60_000
const RELOAD_EVERY_MS = 5_000

/** Live keys by the hash of their secret, in memory, so that checking one costs a hash and a look-up and works while the database is away. */
export interface KeyRing {
  authenticate(credentials: Credentials): Principal | null
  reload(): Promise<void>
  hasAdminKey(): boolean
}

/** Keys made or revoked by another replica are seen within `RELOAD_EVERY_MS`. */
export function createKeyRing(deps: {
  store: IdentityStore
  clock: Clock
  scheduler: Scheduler
  allowAnonymous: boolean
}): KeyRing {
  let keys = new Map<string, KeyRow>()

  const touch = (key: KeyRow, now: number): void => {
    if (key.last_used_at !== null && now - key.last_used_at < TOUCH_EVERY_MS) return
    key.last_used_at = now
    // Best effort: when a key was last used is a hint, and must not cost a request its answer.
    deps.store.touchKey(key.id, now).catch(() => undefined)
  }

  const reload = async (): Promise<void> => {
    keys = new Map((await deps.store.listKeys()).map((row) => [row.secret_hash, row]))
  }
  deps.scheduler.every({ name: 'identity.reload-keys', intervalMs: RELOAD_EVERY_MS, work: reload })

  return {
    reload,
    hasAdminKey: () => [...keys.values()].some((key) => key.role === 'admin'),
    authenticate(credentials) {
      if (credentials === null)
        return deps.allowAnonymous
          ? { actor: 'local', keyId: null, role: 'admin', project: null }
          : null
      const key = keys.get(hashSecret(credentials.secret))
      const now = deps.clock.now()
      if (key === undefined || (key.expires_at !== null && key.expires_at <= now)) return null
      touch(key, now)
      return { actor: key.name, keyId: key.id, role: key.role, project: key.project }
    },
  }
}

/** A new secret: recognisable by secret scanners, 160 random bits. */
export const newSecret = (): string => `trs_${randomBytes(20).toString('hex')}`

export const hashSecret = (secret: string): string =>
  createHash('sha256').update(secret).digest('hex')
