import type { ChildProcess } from 'node:child_process'
import type { Calls } from './calls.ts'

/** One life of a process. */
export type Host<T> = { child: ChildProcess; calls: Calls<T>; isGone: boolean }

/** A process that is started anew at the next call after it fell or hung. */
export interface KeptProcess<T> {
  /** Rejects with what the process answers, why it ended, or why it did not start again. A call without an answer in time ends it. */
  call(timeoutMs: number, send: (host: Host<T>, id: number) => void): Promise<T>
  close(): void
}

/** `closing` is what callers are told after `close`. */
export function keepProcess<T>(
  first: Host<T>,
  { launch, closing }: { launch: () => Promise<Host<T>>; closing: string }
): KeptProcess<T> {
  let isClosed = false
  let current: Promise<Host<T>> | null = Promise.resolve(first)

  const hostNow = async (): Promise<Host<T>> => {
    if (isClosed) throw new Error(closing)
    const held = (current ??= launch())
    const host = await held
    if (!host.isGone) return host
    // Of several callers that find it gone, the first starts the next one.
    if (current === held) current = launch()
    return current
  }

  return {
    async call(timeoutMs, send) {
      let host: Host<T>
      try {
        host = await hostNow()
      } catch (error) {
        current = null
        throw error
      }
      return host.calls.ask(
        timeoutMs,
        (id) => send(host, id),
        () => {
          host.isGone = true
          host.child.kill('SIGKILL')
        }
      )
    },
    close() {
      isClosed = true
      void current?.then(
        ({ child }) => child.kill('SIGKILL'),
        () => undefined
      )
    },
  }
}
