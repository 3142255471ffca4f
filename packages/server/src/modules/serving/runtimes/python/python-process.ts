import { spawn } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { createCalls, keepProcess, type Host } from '../../../../platform/process/index.ts'
import { createFrameCutter, writeFrame, type Frame } from './frames.ts'

export type PythonSettings = Readonly<{
  /** The interpreter, which has mlflow and what the models need; null: there is none. */
  command: string | null
  /** What its processes see of the environment. */
  env: Readonly<Record<string, string>>
  /** One call may take this long; then the process is ended and started anew. */
  timeoutMs: number
  memoryMb: number
}>

/** A model in a Python process, which is ended and started anew when it hangs, grows too large or falls. */
export interface PythonProcess {
  /** What the model said when it loaded. */
  readonly loaded: Loaded
  /** Rejects with what the model raised, or with why its process ended. */
  call(head: Readonly<Record<string, unknown>>, parts: readonly Uint8Array[]): Promise<Frame>
  close(): void
}

const spec = z.object({ name: z.string(), datatype: z.string(), shape: z.array(z.int()) })
const loaded = z.object({ inputs: z.array(spec).nullable(), outputs: z.array(spec) })
export type Loaded = z.output<typeof loaded>
const message = z.looseObject({
  kind: z.enum(['loaded', 'not-loaded', 'done', 'failed']),
  id: z.int().optional(),
  message: z.string().optional(),
})

type PythonHost = Host<Frame> & { loaded: Loaded }

// The built server has it in the same folder as itself.
const HOST = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? './host.py' : './python-host.py', import.meta.url)
)
const LOAD_TIMEOUT_MS = 120_000
/** Before the second start in a row, and twice as long before each one after it. */
const FIRST_BACKOFF_MS = 500
const LONGEST_BACKOFF_MS = 30_000
const STDERR_KEPT = 2_000

/** Starts the model once to see that it loads. Throws with the reason when it does not. */
export async function startPython(
  settings: PythonSettings & { command: string },
  folder: string
): Promise<PythonProcess> {
  let falls = 0

  const launch = (): Promise<PythonHost> =>
    new Promise((started, refused) => {
      const child = spawn(settings.command, ['-u', HOST, folder, String(settings.memoryMb)], {
        env: settings.env,
        stdio: ['pipe', 'pipe', 'pipe'],
      })
      const calls = createCalls<Frame>()
      const host = { child, calls, isGone: false, loaded: { inputs: null, outputs: [] } as Loaded }
      let said = ''
      const fall = (why: string): void => {
        host.isGone = true
        clearTimeout(late)
        refused(new Error(why))
        calls.fail(why)
        child.kill('SIGKILL')
      }
      const late = setTimeout(
        () => fall(`it did not load within ${LOAD_TIMEOUT_MS / 1000} s`),
        LOAD_TIMEOUT_MS
      )
      const hear = (frame: Frame): void => {
        const { kind, id, message: text = '' } = message.parse(frame.head)
        switch (kind) {
          case 'loaded':
            clearTimeout(late)
            host.loaded = loaded.parse(frame.head)
            started(host)
            return
          case 'not-loaded':
            fall(text)
            return
          case 'done':
            calls.settle(id)?.resolve(frame)
            falls = 0
            return
          case 'failed':
            calls.settle(id)?.reject(new Error(text))
        }
      }
      const cut = createFrameCutter()
      child.stdout.on('data', (chunk: Buffer) => {
        try {
          cut(chunk).forEach(hear)
        } catch (error) {
          fall(`its process spoke out of turn: ${String(error)}`)
        }
      })
      child.stderr.on('data', (chunk: Buffer) => {
        said = (said + chunk.toString('utf8')).slice(-STDERR_KEPT)
      })
      child.stdin.on('error', () => undefined) // its end is told by 'exit'
      child.on('error', (error) => fall(error.message))
      child.on('exit', (code, signal) => fall(reasonOf({ code, signal, said }, settings.memoryMb)))
      child.unref()
    })

  const first = await launch()
  const again = async (): Promise<PythonHost> => {
    falls++
    if (falls > 1)
      await delay(Math.min(FIRST_BACKOFF_MS * 2 ** (falls - 2), LONGEST_BACKOFF_MS), undefined, {
        ref: false,
      })
    return launch()
  }
  const kept = keepProcess<Frame>(first, { launch: again, closing: 'the model is being unloaded' })

  return {
    loaded: first.loaded,
    call: (head, parts) =>
      kept.call(settings.timeoutMs, ({ child }, id) => {
        child.stdin?.write(writeFrame({ ...head, id }, parts))
      }),
    close: () => kept.close(),
  }
}

const OUT_OF_MEMORY = 97

function reasonOf(
  { code, signal, said }: { code: number | null; signal: NodeJS.Signals | null; said: string },
  memoryMb: number
): string {
  if (code === OUT_OF_MEMORY) return `the model needed more than ${memoryMb} MB`
  const last = said.trim().split('\n').at(-1) ?? ''
  return `the model's process ended (${signal ?? `code ${code ?? 0}`})${last === '' ? '' : `: ${last}`}`
}
