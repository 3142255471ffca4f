/** Numbers as people say them in a verdict. */
export const percent = (share: number): string => `${trim(share * 100)} %`

/** A difference of shares in percentage points, with its sign. */
export const signedPoints = (share: number): string =>
  Number.isFinite(share) ? `${share > 0 ? '+' : ''}${trim(share * 100)}` : 'unknown'

export const points = (share: number): string => plural(Number(trim(share * 100)), 'point')

export const milliseconds = (ms: number): string =>
  Number.isFinite(ms) ? `${trim(ms)} ms` : 'unknown'

export const decimal = (value: number): string =>
  Number.isFinite(value) ? trim(value) : 'unbounded'

const trim = (value: number): string => {
  const digits =
    Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 1 ? 2 : 3
  return String(Number(value.toFixed(digits)))
}

const plural = (value: number, unit: string): string => `${value} ${unit}${value === 1 ? '' : 's'}`

/** "3 minutes", "2 hours": as exact as a forecast deserves. */
export function duration(ms: number): string {
  const seconds = Math.ceil(ms / 1_000)
  if (seconds < 120) return plural(seconds, 'second')
  const minutes = Math.ceil(seconds / 60)
  if (minutes < 120) return plural(minutes, 'minute')
  const hours = Math.ceil(minutes / 60)
  return hours < 72 ? plural(hours, 'hour') : plural(Math.ceil(hours / 24), 'day')
}
