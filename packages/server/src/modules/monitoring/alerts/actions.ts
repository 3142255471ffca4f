import type { AlertAction } from '@trestle/contract'
import type { Clock } from '../../../kernel/clock.ts'
import { messageOf } from '../../../kernel/errors.ts'
import { isSilenced } from './alerts.ts'
import type { AlertActionRow, AlertStore } from './store.ts'

export type AlertActionRequest = Readonly<{
  project: string
  endpoint: string
  action: AlertAction
  alert: Readonly<{ id: string; title: string; startsAt: number }>
}>

/** Does what an alert asks for and says what came of it. Asked again for the same alert, it does nothing more. */
export type ActOnAlert = (
  request: AlertActionRequest
) => Promise<Readonly<{ state: 'done' | 'skipped'; outcome: string }>>

const ACTIONS_A_TURN = 20
const TRIES = 5
const RETRY_AFTER_MS = 5_000
/** A server that has not written an outcome by then has died: another one asks again. */
const TAKEN_FOR_MS = 60_000

/**
 * The actions of alerts, written down with the alert and each done once: by one server at a time, and again only until there is an outcome.
 * A silence, or an end of the alert before its action, skips it for good.
 */
export function createAlertActions(deps: { store: AlertStore; act: ActOnAlert; clock: Clock }) {
  const { store, clock } = deps

  async function outcomeOf({ action, project, alert_id }: AlertActionRow) {
    const now = clock.now()
    const alert = await store.find(alert_id)
    if (alert?.state !== 'firing')
      return { state: 'skipped' as const, outcome: 'The alert was over before' }
    if (isSilenced(alert, await store.silences(project, now), now))
      return { state: 'skipped' as const, outcome: 'The alert was silenced' }
    return deps.act({
      project,
      endpoint: alert.endpoint,
      action,
      alert: { id: alert.id, title: alert.title, startsAt: alert.starts_at },
    })
  }

  return {
    /** One turn of the scheduler. */
    async runDue(signal: AbortSignal): Promise<void> {
      for (const action of await store.dueActions(clock.now(), ACTIONS_A_TURN)) {
        if (signal.aborted) return
        if (!(await store.takeAction(action, clock.now() + TAKEN_FOR_MS))) continue
        try {
          const end = { next_attempt_at: null, done_at: clock.now() }
          await store.updateAction(action.id, { ...(await outcomeOf(action)), ...end })
        } catch (error) {
          const isLast = action.attempts + 1 >= TRIES
          await store.updateAction(action.id, {
            state: isLast ? 'failed' : 'pending',
            next_attempt_at: isLast ? null : clock.now() + RETRY_AFTER_MS,
            outcome: messageOf(error).slice(0, 500),
          })
        }
      }
    },
  }
}
