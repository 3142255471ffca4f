import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { createCalls, keepProcess, type Host } from '../process/index.ts'

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
  const launch = (): Promise<{ host: Host<unknown>; inputs: unknown; outputs: unknown }> =>
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
      const calls = createCalls<unknown>()
      const host: Host<unknown> = { child, calls, isGone: false }
      const late = setTimeout(() => {
        refused(new Error(`it did not load within ${LOAD_TIMEOUT_MS / 1000} s`))
        child.kill('SIGKILL')
      }, LOAD_TIMEOUT_MS)
      const fall = (why: string): void => {
        host.isGone = true
        clearTimeout(late)
        refused(new Error(why))
        calls.fail(why)
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
            calls.settle(message.id)?.resolve(message.rows)
            return
          case 'failed':
            calls.settle(message.id)?.reject(new Error(message.message))
        }
      })
      child.send({ kind: 'load', source: settings.source } satisfies ToHost)
      child.unref()
    })

  const first = await launch()
  const kept = keepProcess(first.host, {
    launch: async () => (await launch()).host,
    closing: 'the script is being unloaded',
  })

  return {
    inputs: first.inputs,
    outputs: first.outputs,
    predict: (rows, requestId) =>
      kept.call(settings.timeoutMs, ({ child, calls }, id) => {
        child.send({ kind: 'predict', id, rows, requestId } satisfies ToHost, (error) => {
          if (error !== null) calls.settle(id)?.reject(error)
        })
      }),
    close: () => kept.close(),
  }
}

/** V8 ends the process by SIGABRT when its heap is full. */
const reasonOf = (
  end: { code: number | null; signal: NodeJS.Signals | null },
  memoryMb: number
): string =>
  end.signal === 'SIGABRT'
    ? `the script's process ended, most likely since it needed more than ${memoryMb} MB`
    : `the script's process ended (${end.signal ?? `code ${end.code ?? 0}`})`
