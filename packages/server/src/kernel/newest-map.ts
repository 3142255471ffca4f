/**
 * A map that forgets its oldest entries: it holds at least the newest `capacity / 2` and never more than `capacity`. It drops them half by half: deleting a Map's
 * first key one by one leaves holes that the next look at the first key has to step over.
 */
export interface NewestMap<K, V> {
  get(key: K): V | undefined
  /** A key that is there keeps its age. */
  set(key: K, value: V): void
  readonly size: number
}

export function createNewestMap<K, V>(capacity: number): NewestMap<K, V> {
  const half = Math.max(1, capacity >> 1)
  let young = new Map<K, V>()
  let old = new Map<K, V>()
  return {
    get: (key) => young.get(key) ?? old.get(key),
    set(key, value) {
      if (old.has(key)) {
        old.set(key, value)
        return
      }
      if (young.size >= half && !young.has(key)) {
        old = young
        young = new Map()
      }
      young.set(key, value)
    },
    get size() {
      return young.size + old.size
    },
  }
}
