export type Period = 'hour' | 'day' | 'week' | 'month'

/** From and to (exclusive), epoch ms. */
export type Window = Readonly<{ from: number; to: number }>

/**
 * The hour, day, week (from Monday) or month that `now` is in, by the clocks of a time zone: a day there has 23 to 25 hours. Throws `RangeError` for a
 * zone that does not exist.
 */
export function windowOf(period: Period, timeZone: string, now: number): Window {
  const local = localParts(now, timeZone)
  const { year, month, day, hour } = local
  switch (period) {
    case 'hour': {
      // The zone's offset within the hour that runs: zones may be off by 30 or 45 minutes.
      const start =
        now - (local.minute * 60_000 + local.second * 1_000 + (((now % 1_000) + 1_000) % 1_000))
      return { from: start, to: start + 3_600_000 }
    }
    case 'day':
      return span(timeZone, [year, month, day], [year, month, day + 1])
    case 'week': {
      const weekday = (new Date(Date.UTC(year, month, day, hour)).getUTCDay() + 6) % 7
      return span(timeZone, [year, month, day - weekday], [year, month, day - weekday + 7])
    }
    case 'month':
      return span(timeZone, [year, month, 1], [year, month + 1, 1])
  }
}

type LocalDate = readonly [year: number, month: number, day: number]

const span = (timeZone: string, from: LocalDate, to: LocalDate): Window => ({
  from: midnightOf(from, timeZone),
  to: midnightOf(to, timeZone),
})

/** When a day begins in a zone. Months and days may overflow. */
function midnightOf([year, month, day]: LocalDate, timeZone: string): number {
  const wanted = Date.UTC(year, month, day)
  // The offset before and after a change of clocks differ; the second look is at the right side of it.
  let guess = wanted - offsetAt(wanted, timeZone)
  guess = wanted - offsetAt(guess, timeZone)
  // Where midnight itself is skipped, the day begins when the clocks have been put forward.
  const reached = guess + offsetAt(guess, timeZone)
  return reached < wanted ? guess + (wanted - reached) : guess
}

/** Milliseconds that the zone's clocks are ahead of UTC. */
function offsetAt(at: number, timeZone: string): number {
  const p = localParts(at, timeZone)
  return (
    Date.UTC(p.year, p.month, p.day, p.hour, p.minute, p.second) - Math.floor(at / 1_000) * 1_000
  )
}

const formats = new Map<string, Intl.DateTimeFormat>()

function localParts(at: number, timeZone: string) {
  let format = formats.get(timeZone)
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
    formats.set(timeZone, format)
  }
  const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]))
  const part = (name: Intl.DateTimeFormatPartTypes): number => parts.get(name) ?? 0
  return {
    year: part('year'),
    month: part('month') - 1,
    day: part('day'),
    hour: part('hour'),
    minute: part('minute'),
    second: part('second'),
  }
}

/** Whether there is such a time zone. */
export function isTimeZone(name: string): boolean {
  try {
    localParts(0, name)
    return true
  } catch {
    return false
  }
}
