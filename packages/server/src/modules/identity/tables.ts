/** The tables of this module. Times are epoch milliseconds. */
export type IdentityTables = {
  projects: { name: string; description: string; created_at: number }
  api_keys: {
    id: string
    name: string
    role: 'viewer' | 'operator' | 'admin'
    project: string | null
    /** SHA-256 of the secret: it has 160 random bits, so a slow hash would add nothing. */
    secret_hash: string
    prefix: string
    created_at: number
    last_used_at: number | null
    expires_at: number | null
    revoked_at: number | null
  }
  audit_log: {
    id: string
    at: number
    actor: string
    action: string
    project: string | null
    subject: string
    request_id: string
    status: number
  }
}
