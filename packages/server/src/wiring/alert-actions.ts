import { ERRORS } from '@trestle/contract'
import type { Identity } from '../modules/identity/index.ts'
import type { ActOnAlert } from '../modules/monitoring/index.ts'
import type { Rollouts } from '../modules/rollouts/index.ts'
import { toAppError } from '../platform/http/index.ts'

/** Alerts act on rollouts, and the audit log says which alert did. */
export const alertActionsOn =
  (deps: {
    rollouts: () => Pick<Rollouts, 'onAlert'>
    identity: Pick<Identity, 'recordMutation'>
  }): ActOnAlert =>
  async (request) => {
    const audit = (status: number) =>
      deps.identity.recordMutation({
        actor: `alert ${request.alert.id}`,
        action: `alert.${request.action}`,
        project: request.project,
        subject: request.endpoint,
        requestId: request.alert.id,
        status,
      })
    try {
      const answer = await deps.rollouts().onAlert(request)
      await audit(200)
      return answer
    } catch (error) {
      await audit(ERRORS[toAppError(error).code].status)
      throw error
    }
  }
