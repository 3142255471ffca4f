import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export type ToHost = Readonly<
  | { kind: 'load'; source: string }
  | { kind: 'predict'; id: number; rows: readonly unknown[]; requestId: string }
>
export type FromHost = Readonly<
  | { kind: 'loaded'; inputs: unknown; outputs: unknown }
  | { kind: 'not-loaded'; message: string }
  | { kind: 'done'; id: number; rows: unknown }
  | { kind: 'failed'; id: number; message: string }
>

/** A script at work in a process of its own, which is ended and started anew when it hangs, grows too large or falls. */
export interface ScriptProcess {
  readonly inputs: unknown
  readonly outputs: unknown
  /** Rejects with what the script threw, or with why its process ended. */
  predict(rows: readonly unknown[], requestId: string): Promise<unknown>
  close(): void
}

type Waiting = {
  resolve: (rows: unknown) => void
  reject: (error: Error) => void
  timer: NodeJS.Timeout
}
type Host = { child: ChildProcess; waiting: Map<number, Waiting>; isGone: boolean }

// The compiler rewrites imports, not this path: the built server has a .js beside it.
const HOST = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? './host.ts' : './script-host.js', import.meta.url)
)
const LOAD_TIMEOUT_MS = 30_000

/** Starts the script once to see that it loads. Throws with the reason when it does not. */
export async function startScript(settings: {
  source: string
  timeoutMs: number
  memoryMb: number
}): Promise<ScriptProcess> {
  let isClosed = false
  let nextId = 1

  const launch = (): Promise<{ host: Host; inputs: unknown; outputs: unknown }> =>
    new Promise((started, refused) => {
      const child = fork(HOST, [], {
        execArgv: [
          '--permission',
          `--allow-fs-read=${HOST}`,
          `--max-old-space-size=${settings.memoryMb}`,
          '--disable-warning=ExperimentalWarning',
        ],
        env: {},
        serialization: 'advanced',
        stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      })
      const waiting = new Map<number, Waiting>()
      const host: Host = { child, waiting, isGone: false }
      const late = setTimeout(() => {
        refused(new Error(`it did not load within ${LOAD_TIMEOUT_MS / 1000} s`))
        child.kill('SIGKILL')
      }, LOAD_TIMEOUT_MS)
      const fall = (why: string): void => {
        host.isGone = true
        clearTimeout(late)
        refused(new Error(why))
        for (const { reject, timer } of waiting.values()) {
          clearTimeout(timer)
          reject(new Error(why))
        }
        waiting.clear()
      }
      child.on('error', (error) => fall(error.message))
      child.on('exit', (code, signal) => fall(reasonOf({ code, signal }, settings.memoryMb)))
      child.on('message', (message: FromHost) => {
        switch (message.kind) {
          case 'loaded':
            clearTimeout(late)
            started({ host, inputs: message.inputs, outputs: message.outputs })
            return
          case 'not-loaded':
            fall(message.message)
            child.kill('SIGKILL')
            return
          case 'done':
            settle(waiting, message.id)?.resolve(message.rows)
            return
          case 'failed':
            settle(waiting, message.id)?.reject(new Error(message.message))
        }
      })
      child.send({ kind: 'load', source: settings.source } satisfies ToHost)
      child.unref()
    })

  const first = await launch()
  let current: Promise<Host> | null = Promise.resolve(first.host)
  const again = (): Promise<Host> => launch().then(({ host }) => host)
  const hostNow = async (): Promise<Host> => {
    if (isClosed) throw new Error('the script is being unloaded')
    const held = (current ??= again())
    const host = await held
    if (!host.isGone) return host
    // Of several callers that find it gone, the first starts the next one.
    if (current === held) current = again()
    return current
  }

  return {
    inputs: first.inputs,
    outputs: first.outputs,
    async predict(rows, requestId) {
      let host: Host
      try {
        host = await hostNow()
      } catch (error) {
        current = null
        throw error
      }
      const { child, waiting } = host
      return new Promise((resolve, reject) => {
        const id = nextId++
        const timer = setTimeout(() => {
          settle(waiting, id)?.reject(new Error(`no answer within ${settings.timeoutMs} ms`))
          host.isGone = true
          child.kill('SIGKILL')
        }, settings.timeoutMs)
        waiting.set(id, { resolve, reject, timer })
        child.send({ kind: 'predict', id, rows, requestId } satisfies ToHost, (error) => {
          if (error !== null) settle(waiting, id)?.reject(error)
        })
      })
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

function settle(waiting: Map<number, Waiting>, id: number): Waiting | undefined {
  const one = waiting.get(id)
  if (one === undefined) return undefined
  waiting.delete(id)
  clearTimeout(one.timer)
  return one
}

/** V8 ends the process by SIGABRT when its heap is full. */
const reasonOf = (
  end: { code: number | null; signal: NodeJS.Signals | null },
  memoryMb: number
): string =>
  end.signal === 'SIGABRT'
    ? `the script's process ended, most likely since it needed more than ${memoryMb} MB`
    : `the script's process ended (${end.signal ?? `code ${end.code ?? 0}`})`
