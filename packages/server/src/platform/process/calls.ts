type Waiting<T> = {
  resolve: (answer: T) => void
  reject: (error: Error) => void
  timer: NodeJS.Timeout
}

/** What was asked of a process and is not answered yet, each by a number of its own. */
export interface Calls<T> {
  /** Asks, and rejects when no answer comes in time; `onLate` then says what becomes of the process. */
  ask(timeoutMs: number, send: (id: number) => void, onLate: () => void): Promise<T>
  /** Who waits for this answer, who then waits no more; none when nobody does. */
  settle(id: number | undefined): Pick<Waiting<T>, 'resolve' | 'reject'> | undefined
  /** Rejects all that wait. */
  fail(why: string): void
}

export function createCalls<T>(): Calls<T> {
  const waiting = new Map<number, Waiting<T>>()
  let nextId = 1

  const settle: Calls<T>['settle'] = (id) => {
    const one = id === undefined ? undefined : waiting.get(id)
    if (one === undefined || id === undefined) return undefined
    waiting.delete(id)
    clearTimeout(one.timer)
    return one
  }

  return {
    settle,
    ask: (timeoutMs, send, onLate) =>
      new Promise((resolve, reject) => {
        const id = nextId++
        const timer = setTimeout(() => {
          settle(id)?.reject(new Error(`no answer within ${timeoutMs} ms`))
          onLate()
        }, timeoutMs)
        waiting.set(id, { resolve, reject, timer })
        send(id)
      }),
    fail(why) {
      for (const id of [...waiting.keys()]) settle(id)?.reject(new Error(why))
    },
  }
}
