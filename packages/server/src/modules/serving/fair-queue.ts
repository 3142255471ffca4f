/** In the middle, so that a caller can go before and behind others. */
export const DEFAULT_PRIORITY = 5

/** What decides a request's place in a line. */
export type Place = Readonly<{
  /** 1 goes before 2, and so on. */
  priority: number
  /** Whose it is: those who share a line get equal parts of it. */
  share: string
  /** What it costs. */
  rows: number
}>

/**
 * A line that is fair: by priority, within one by share, within one of those by arrival. Each share gets as many rows as any other that waits, whoever
 * sends more: start-time fair queueing (Goyal, Vin, Cheng 1996), where a request's tag is the later of what is served now and where its share's last one
 * ends.
 */
export interface FairQueue<J extends Place> {
  readonly size: number
  push(job: J): void
  /** Takes the one whose turn it is. */
  shift(): J | undefined
  /** In the order in which they are due. */
  jobs(): readonly J[]
  /** Leaves only these, in the order that they had; `served` are those whose turn it was. */
  keep(left: readonly J[], served: readonly J[]): void
  /** Takes the one that is due last, when `than` would be due before it. */
  displace(than: Place): J | null
}

type Level = { now: number; ends: Map<string, number> }
type Entry<J> = Readonly<{ job: J; tag: number }>

export function createFairQueue<J extends Place>(): FairQueue<J> {
  let entries: Entry<J>[] = []
  const levels = new Map<number, Level>()

  const levelOf = (priority: number): Level => {
    const known = levels.get(priority)
    if (known !== undefined) return known
    const level = { now: 0, ends: new Map<string, number>() }
    levels.set(priority, level)
    return level
  }
  const tagOf = ({ priority, share }: Place): number => {
    const { now, ends } = levelOf(priority)
    return Math.max(now, ends.get(share) ?? 0)
  }
  const pass = ({ job, tag }: Entry<J>): void => {
    const level = levelOf(job.priority)
    level.now = Math.max(level.now, tag)
  }
  const isDueBefore = (place: Place, tag: number, other: Entry<J>): boolean =>
    place.priority < other.job.priority ||
    (place.priority === other.job.priority && tag < other.tag)

  return {
    get size() {
      return entries.length
    },
    push(job) {
      const tag = tagOf(job)
      levelOf(job.priority).ends.set(job.share, tag + Math.max(1, job.rows))
      let at = entries.length
      for (; at > 0; at--) {
        const before = entries[at - 1]
        if (before === undefined || !isDueBefore(job, tag, before)) break
      }
      entries.splice(at, 0, { job, tag })
    },
    shift() {
      const first = entries.shift()
      if (first === undefined) return undefined
      pass(first)
      if (entries.length === 0) levels.clear()
      return first.job
    },
    jobs: () => entries.map(({ job }) => job),
    keep(left, served) {
      if (left.length === 0) {
        entries = []
        levels.clear() // nobody waits: nobody is owed anything
        return
      }
      const turns = new Set(served)
      for (const entry of entries) if (turns.has(entry.job)) pass(entry)
      const kept = new Set(left)
      entries = entries.filter(({ job }) => kept.has(job))
    },
    displace(than) {
      const last = entries.at(-1)
      if (last === undefined || !isDueBefore(than, tagOf(than), last)) return null
      entries.pop()
      return last.job
    },
  }
}
