import type { FastifyInstance, onSendAsyncHookHandler, RouteOptions } from 'fastify'

/** One mutation, as the audit log keeps it. */
export type AuditRecord = Readonly<{
  actor: string
  action: string
  project: string
  subject: string
  requestId: string
  status: number
}>

/** Records every mutation before its answer leaves, so that what was acknowledged is in the log. Refused attempts are recorded too. */
export function auditMutations(
  app: FastifyInstance,
  record: (entry: AuditRecord) => Promise<void>
): void {
  const audit: onSendAsyncHookHandler = async (request, reply) => {
    const { config, url } = request.routeOptions
    const path = request.url.split('?')[0] ?? ''
    const principal = request.principal as typeof request.principal | null // null when the caller was refused before being identified
    await record({
      actor: principal?.actor ?? 'unknown',
      action: typeof config.audit === 'string' ? config.audit : `${request.method} ${url ?? path}`,
      project: request.project,
      subject: path,
      requestId: request.id,
      status: reply.statusCode,
    })
  }
  // Only on the routes that are audited: predictions must not pay for a hook that has nothing to do.
  app.addHook('onRoute', (route) => {
    if (!isAudited(route)) return
    route.onSend = [route.onSend ?? [], audit].flat()
  })
}

const READS = ['GET', 'HEAD']

const isAudited = ({ method, config }: RouteOptions): boolean =>
  config?.audit !== false &&
  config?.isPublic !== true &&
  [method].flat().some((name) => !READS.includes(name))
