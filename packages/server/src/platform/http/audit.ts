import type { FastifyInstance } from 'fastify'

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
  app.addHook('onSend', async (request, reply) => {
    const { config } = request.routeOptions
    if (
      config.audit === false ||
      config.isPublic === true ||
      request.method === 'GET' ||
      request.method === 'HEAD' ||
      request.is404
    )
      return
    const path = request.url.split('?')[0] ?? ''
    const principal = request.principal as typeof request.principal | null // null when the caller was refused before being identified
    await record({
      actor: principal?.actor ?? 'unknown',
      action: config.audit ?? `${request.method} ${request.routeOptions.url ?? path}`,
      project: request.project,
      subject: path,
      requestId: request.id,
      status: reply.statusCode,
    })
  })
}
