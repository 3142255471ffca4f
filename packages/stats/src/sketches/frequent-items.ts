import { requireOption } from '../outcome.ts'

/**
 * The most frequent values of a stream in fixed memory: space saving (Metwally, Agrawal and El Abbadi 2005). True
 * counts lie in [count - overcount, count]; a value that is absent occurred at most `floor` times, itself at most
 * total / capacity. Merging keeps these bounds (Agarwal and others 2012).
 */
export type FrequentItems = {
  update(value: string, times?: number): void
  merge(other: FrequentItemsState): void
  total(): number
  /** Held values, most frequent first. */
  top(limit?: number): FrequentItem[]
  /** No value outside the sketch occurred more often than this. */
  floor(): number
  toJSON(): FrequentItemsState
}

export type FrequentItem = {
  readonly value: string
  readonly count: number
  readonly overcount: number
}

export type FrequentItemsState = {
  readonly version: 1
  readonly capacity: number
  readonly total: number
  readonly floor: number
  readonly items: readonly FrequentItem[]
}

type Slot = { value: string; count: number; overcount: number }

export function createFrequentItems(capacity = 256): FrequentItems {
  requireOption(Number.isInteger(capacity) && capacity >= 1, 'capacity must be a positive integer')
  return frequentItemsFromJSON({ version: 1, capacity, total: 0, floor: 0, items: [] })
}

export function frequentItemsFromJSON(state: FrequentItemsState): FrequentItems {
  const { capacity } = state
  let { total, floor } = state
  const slots = new Map<string, Slot>()
  /** Slots by their count, so that the smallest one is found without a scan. */
  const buckets = new Map<number, Set<Slot>>()
  const place = (slot: Slot) => {
    const bucket = buckets.get(slot.count)
    if (bucket) bucket.add(slot)
    else buckets.set(slot.count, new Set([slot]))
  }
  const take = (slot: Slot) => {
    const bucket = buckets.get(slot.count)
    bucket?.delete(slot)
    if (bucket?.size === 0) buckets.delete(slot.count)
  }
  const insert = (slot: Slot) => {
    slots.set(slot.value, slot)
    place(slot)
  }
  let smallestCount = 0
  const evictSmallest = () => {
    // Counts only grow, so the old smallest stands until its bucket is gone.
    if (!buckets.has(smallestCount)) smallestCount = Math.min(...buckets.keys())
    const [slot] = buckets.get(smallestCount) ?? []
    if (!slot) return
    take(slot)
    slots.delete(slot.value)
    floor = Math.max(floor, slot.count)
  }
  const rebuild = (items: readonly FrequentItem[]) => {
    const kept = items.toSorted(byCount)
    floor = Math.max(floor, kept[capacity]?.count ?? 0)
    slots.clear()
    buckets.clear()
    for (const item of kept.slice(0, capacity)) insert({ ...item })
    smallestCount = kept[Math.min(capacity, kept.length) - 1]?.count ?? 0
  }
  rebuild(state.items)
  return {
    update(value, times = 1) {
      total += times
      const slot = slots.get(value)
      if (slot) {
        take(slot)
        slot.count += times
        place(slot)
        return
      }
      if (slots.size >= capacity) evictSmallest()
      insert({ value, count: floor + times, overcount: floor })
      smallestCount = Math.min(smallestCount, floor + times)
    },
    merge(other) {
      const theirs = new Map(other.items.map((item) => [item.value, item]))
      const joined = [...new Set([...slots.keys(), ...theirs.keys()])].map((value) => {
        const mine = slots.get(value) ?? { count: floor, overcount: floor }
        const yours = theirs.get(value) ?? { count: other.floor, overcount: other.floor }
        return {
          value,
          count: mine.count + yours.count,
          overcount: mine.overcount + yours.overcount,
        }
      })
      total += other.total
      floor += other.floor
      rebuild(joined)
    },
    total: () => total,
    top: (limit = capacity) =>
      [...slots.values()]
        .sort(byCount)
        .slice(0, limit)
        .map((slot) => ({ ...slot })),
    floor: () => floor,
    toJSON: () => ({
      version: 1,
      capacity,
      total,
      floor,
      items: [...slots.values()].sort(byCount).map((slot) => ({ ...slot })),
    }),
  }
}

function byCount(a: FrequentItem, b: FrequentItem): number {
  return b.count - a.count || (a.value < b.value ? -1 : a.value > b.value ? 1 : 0)
}
