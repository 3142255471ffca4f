import { useNow } from '../components/when.tsx'

const HOUR_MS = 3_600_000

/** The start of this hour: a `from` that stays the same between two readings, so that they share a cache entry. */
export function useStartOfHour(): number {
  return Math.floor(useNow() / HOUR_MS) * HOUR_MS
}

/** Midnight of today, in the reader's own time zone. */
export function useStartOfDay(): number {
  const day = new Date(useNow())
  return new Date(day.getFullYear(), day.getMonth(), day.getDate()).getTime()
}
