export type ShadowLimits = Readonly<{
  /** Copies that may wait; one more is dropped and counted. */
  maxQueued: number
  /** Copies under way at once. */
  maxRunning: number
}>

/** A bounded line for the copies of one shadow, apart from everything that answers callers. */
export interface ShadowQueue {
  /** False when the line is full: the copy is dropped. `task` never rejects. */
  offer(task: () => Promise<void>): boolean
  readonly size: number
  /** Forgets what waits and takes nothing more. */
  close(): void
}

export function createShadowQueue(limits: ShadowLimits): ShadowQueue {
  let waiting: (() => Promise<void>)[] = []
  let running = 0
  let isClosed = false

  const next = (): void => {
    while (running < limits.maxRunning) {
      const task = waiting.shift()
      if (task === undefined) return
      running++
      void task().finally(() => {
        running--
        next()
      })
    }
  }

  return {
    offer(task) {
      if (isClosed || waiting.length >= limits.maxQueued) return false
      waiting.push(task)
      next()
      return true
    },
    get size() {
      return waiting.length
    },
    close() {
      isClosed = true
      waiting = []
    },
  }
}
