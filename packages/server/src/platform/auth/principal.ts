import type { Role } from '@trestle/contract'

/** Who a request comes from. `project` null means every project. */
export type Principal = Readonly<{
  actor: string
  keyId: string | null
  role: Role
  project: string | null
}>

/** What a request brought to show who it is. */
export type Credentials = Readonly<{ secret: string }> | null

/** Finds who credentials belong to; null when they are wrong. Without credentials: who an unnamed caller is, or null if they must log in. */
export type Authenticate = (credentials: Credentials) => Principal | null

const RANK: Record<Role, number> = { viewer: 0, operator: 1, admin: 2 }

export const mayAct = (principal: Principal, role: Role): boolean =>
  RANK[principal.role] >= RANK[role]
