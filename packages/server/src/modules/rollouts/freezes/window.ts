import type { DeclaredFreeze } from '@trestle/contract'

export type FreezeRecord = DeclaredFreeze &
  Readonly<{ project: string; updatedAt: number; updatedBy: string }>

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const
const DAY_MINUTES = 24 * 60

/** Whether a window holds at a moment. A weekly one follows the clocks of its time zone, summer time too. */
export function isFrozen({ when }: Pick<DeclaredFreeze, 'when'>, now: number): boolean {
  if (when.kind === 'once') return now >= when.from && now < when.to
  const local = localTime(now, when.timeZone)
  const from = minutesOf(when.from)
  const to = minutesOf(when.to)
  const runsOn = (day: number): boolean => when.days.some((name) => DAYS.indexOf(name) === day)
  // The same time twice is a whole day; a window over midnight belongs to the day on which it begins.
  if (from < to) return runsOn(local.day) && local.minutes >= from && local.minutes < to
  const yesterday = (local.day + 6) % 7
  return (runsOn(local.day) && local.minutes >= from) || (runsOn(yesterday) && local.minutes < to)
}

/** The window of an endpoint that holds now; null when none does. */
export const freezeAt = (
  windows: readonly FreezeRecord[],
  at: { endpoint: string; now: number }
): FreezeRecord | null =>
  windows.find(
    (window) =>
      (window.endpoint === null || window.endpoint === at.endpoint) && isFrozen(window, at.now)
  ) ?? null

/** The reason of a hold, in words. */
export const sayFreeze = ({ name, reason }: Pick<FreezeRecord, 'name' | 'reason'>): string =>
  `The freeze window "${name}" holds${reason === '' ? '' : ` (${reason})`}: no step forward until it is over`

function localTime(now: number, timeZone: string): { day: number; minutes: number } {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).formatToParts(now)
  const part = (type: string): string => parts.find((p) => p.type === type)?.value ?? ''
  return {
    day: DAYS.findIndex((day) => day === part('weekday').toLowerCase()),
    minutes: (Number(part('hour')) * 60 + Number(part('minute'))) % DAY_MINUTES,
  }
}

function minutesOf(time: string): number {
  const [hours = '0', minutes = '0'] = time.split(':')
  return Number(hours) * 60 + Number(minutes)
}
