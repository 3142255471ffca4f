import { z } from 'zod'
import { epochMs, name, nothing, page, pageQuery } from './names.ts'
import { route } from './route.ts'

const role = z.enum(['viewer', 'operator', 'admin'])

const apiKey = z.object({
  id: z.string(),
  name: z.string(),
  role,
  /** The one project that the key may use; null means every project. */
  project: z.string().nullable(),
  /** First characters of the secret, to recognise it by. */
  prefix: z.string(),
  createdAt: epochMs,
  lastUsedAt: epochMs.nullable(),
  expiresAt: epochMs.nullable(),
})
export type ApiKey = z.infer<typeof apiKey>

const project = z.object({ name, description: z.string(), createdAt: epochMs })
export type Project = z.infer<typeof project>

const auditEntry = z.object({
  id: z.string(),
  at: epochMs,
  actor: z.string(),
  action: z.string(),
  project: z.string().nullable(),
  subject: z.string(),
  requestId: z.string(),
  status: z.int(),
})
export type AuditEntry = z.infer<typeof auditEntry>

const tag = 'Identity'

export const identity = {
  whoAmI: route({
    method: 'GET',
    path: '/api/me',
    role: 'viewer',
    tag,
    summary: 'Who this request is',
    response: z.object({
      actor: z.string(),
      role,
      project: z.string().nullable(),
      version: z.string(),
    }),
  }),
  listProjects: route({
    method: 'GET',
    path: '/api/projects',
    role: 'viewer',
    tag,
    summary: 'List projects',
    response: z.object({ items: z.array(project) }),
  }),
  createProject: route({
    method: 'POST',
    path: '/api/projects',
    role: 'admin',
    tag,
    summary: 'Create a project',
    status: 201,
    body: z.strictObject({ name, description: z.string().max(2000).default('') }),
    response: project,
    errors: ['resource.already_exists'],
  }),
  listKeys: route({
    method: 'GET',
    path: '/api/keys',
    role: 'admin',
    tag,
    summary: 'List API keys',
    response: z.object({ items: z.array(apiKey) }),
  }),
  createKey: route({
    method: 'POST',
    path: '/api/keys',
    role: 'admin',
    tag,
    status: 201,
    summary: 'Create an API key; its secret is shown this once',
    body: z.strictObject({
      name: z.string().min(1).max(120),
      role,
      project: name.nullable().default(null),
      expiresAt: epochMs.nullable().default(null),
    }),
    response: apiKey.extend({ secret: z.string() }),
    errors: ['resource.not_found'],
  }),
  revokeKey: route({
    method: 'DELETE',
    path: '/api/keys/:id',
    role: 'admin',
    tag,
    summary: 'Revoke an API key',
    params: z.object({ id: z.string() }),
    response: nothing,
    errors: ['resource.not_found'],
  }),
  listAudit: route({
    method: 'GET',
    path: '/api/audit',
    role: 'admin',
    tag,
    summary: 'The audit log, newest first',
    query: pageQuery,
    response: page(auditEntry),
  }),
}
