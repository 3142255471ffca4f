/** A binary heap of things to do, handed out by time; equal times come out in the order they went in. */
export class Schedule<T> {
  readonly #heap: Entry<T>[] = []
  #added = 0

  /** Time of the earliest entry, or Infinity when there is none. */
  get nextAt(): number {
    return this.#heap[0]?.at ?? Infinity
  }

  add(at: number, item: T): void {
    const entry = { at, order: this.#added++, item }
    let hole = this.#heap.push(entry) - 1
    while (hole > 0) {
      const parent = (hole - 1) >> 1
      const above = this.#heap[parent]
      if (above === undefined || !isBefore(entry, above)) break
      this.#heap[hole] = above
      hole = parent
    }
    this.#heap[hole] = entry
  }

  /** Takes the earliest entry, or undefined when there is none. */
  take(): { at: number; item: T } | undefined {
    const first = this.#heap[0]
    const last = this.#heap.pop()
    if (first === undefined || last === undefined || first === last) return first
    let hole = 0
    for (;;) {
      const child = this.#earlierChild(hole)
      const below = this.#heap[child]
      if (below === undefined || !isBefore(below, last)) break
      this.#heap[hole] = below
      hole = child
    }
    this.#heap[hole] = last
    return first
  }

  #earlierChild(parent: number): number {
    const left = this.#heap[2 * parent + 1]
    const right = this.#heap[2 * parent + 2]
    return left !== undefined && right !== undefined && isBefore(right, left)
      ? 2 * parent + 2
      : 2 * parent + 1
  }
}

type Entry<T> = { at: number; order: number; item: T }

function isBefore(a: Entry<unknown>, b: Entry<unknown>): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
