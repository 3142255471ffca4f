import { Cron } from 'croner'
import { messageOf } from '../../kernel/errors.ts'
import { fail } from '../errors.ts'

/** A time of day, week or month, as cron writes it, on the clocks of a place. */
export type CronSchedule = Readonly<{ cron: string; timeZone: string }>

/**
 * The first turn of a schedule after an instant, both in epoch milliseconds; null when there is none. A turn in the hour that a clock skips comes right
 * after it, one in the hour that comes twice comes once. Throws `request.invalid` for an expression or a time zone that is none.
 */
export function nextTurn({ cron, timeZone }: CronSchedule, after: number): number | null {
  try {
    return (
      new Cron(cron, { paused: true, timezone: timeZone }).nextRun(new Date(after))?.getTime() ??
      null
    )
  } catch (error) {
    throw fail('request.invalid', `"${cron}" in ${timeZone} is no schedule: ${messageOf(error)}`, {
      details: { cron, timeZone },
      cause: error,
    })
  }
}
