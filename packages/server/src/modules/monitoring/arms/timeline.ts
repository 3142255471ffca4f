/** A mergeable total over a stretch of time. */
export type Slice<T> = { start: number; widthMs: number; value: T }

/** How finely the past is kept: `widthMs` wide slices up to `untilAgeMs` old. */
export type Tier = Readonly<{ widthMs: number; untilAgeMs: number }>

/** One second for 5 minutes, ten seconds for an hour, a minute for a day: about 2,100 slices at most. */
export const TIERS: readonly [Tier, ...Tier[]] = [
  { widthMs: 1_000, untilAgeMs: 300_000 },
  { widthMs: 10_000, untilAgeMs: 3_600_000 },
  { widthMs: 60_000, untilAgeMs: 86_400_000 },
]

export const KEPT_MS = 86_400_000

/**
 * Totals by time, for a day. Old slices are merged into wider ones, so that `since` is exact to the slice: it leaves out a slice that began before the
 * moment asked for, and says from when on it counts. Widths divide each other, so two timelines asked for one moment cover the same time.
 */
export function createTimeline<T>(deps: { empty: () => T; merge: (into: T, from: T) => void }) {
  let slices = new Map<number, Slice<T>>()
  let compactedAt = 0
  // Most events fall into the slice of the one before.
  let last: Slice<T> | null = null

  const compact = (now: number): void => {
    compactedAt = now
    const kept = new Map<number, Slice<T>>()
    for (const slice of slices.values()) {
      if (slice.start + slice.widthMs <= now - KEPT_MS) continue
      const widthMs = Math.max(slice.widthMs, widthAt(slice.start, now))
      const start = floorTo(slice.start, widthMs)
      const target = kept.get(start)
      if (target === undefined) kept.set(start, { start, widthMs, value: slice.value })
      else {
        target.widthMs = Math.max(target.widthMs, widthMs)
        deps.merge(target.value, slice.value)
      }
    }
    slices = kept
    last = null
  }

  return {
    /** The total to add to for an event at `at`. Null when that is more than a day ago. */
    at(at: number, now: number): T | null {
      if (at <= now - KEPT_MS) return null
      if (now - compactedAt >= 60_000) compact(now)
      if (last !== null && at >= last.start && at < last.start + TIERS[0].widthMs) return last.value
      for (const { widthMs } of TIERS) {
        const found = slices.get(floorTo(at, widthMs))
        if (found !== undefined && at < found.start + found.widthMs) return found.value
      }
      const widthMs = widthAt(at, now)
      const start = floorTo(at, widthMs)
      const made = slices.get(start) ?? { start, widthMs, value: deps.empty() }
      made.widthMs = Math.max(made.widthMs, widthMs)
      slices.set(start, made)
      if (made.widthMs === TIERS[0].widthMs) last = made
      return made.value
    },
    since(from: number, now: number): { total: T; coveredFrom: number } {
      compact(now)
      const total = deps.empty()
      let coveredFrom = ceilTo(Math.max(from, now - KEPT_MS), widthAt(from, now))
      for (const slice of slices.values()) {
        if (slice.start >= from) deps.merge(total, slice.value)
        else if (slice.start + slice.widthMs > from)
          coveredFrom = Math.max(coveredFrom, slice.start + slice.widthMs)
      }
      return { total, coveredFrom }
    },
    slices: (): readonly Slice<T>[] => [...slices.values()],
    load(loaded: readonly Slice<T>[]): void {
      slices = new Map(loaded.map((slice) => [slice.start, slice]))
      last = null
    },
  }
}
export type Timeline<T> = ReturnType<typeof createTimeline<T>>

/** The width of the slice that `at` belongs to: a wide slice begins to be used once all of it is old enough, so that all timelines cut time alike. */
function widthAt(at: number, now: number): number {
  let width = TIERS[0].widthMs
  let youngestMs = 0
  for (const { widthMs, untilAgeMs } of TIERS) {
    if (now - (floorTo(at, widthMs) + widthMs) >= youngestMs) width = widthMs
    youngestMs = untilAgeMs
  }
  return width
}

const floorTo = (at: number, widthMs: number): number => Math.floor(at / widthMs) * widthMs
const ceilTo = (at: number, widthMs: number): number => Math.ceil(at / widthMs) * widthMs
