import { fork, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fail } from '../../../../platform/errors.ts'
import type { LocalModel } from '../backend.ts'

/** What a process is told once, when it starts. */
export type HostSettings = Omit<LocalModel, 'file'> & Readonly<{ path: string; secret: string }>
export type FromHost =
  Readonly<{ kind: 'listening'; port: number }> | Readonly<{ kind: 'failed'; message: string }>

/** Where a model that runs here answers, and what opens its door. */
export type LocalAddress = Readonly<{ url: string; secret: string }>

/** LLMs and embedders that Trestle runs itself, each in a process of its own that falls alone. */
export interface LocalModels {
  /** Starts the process unless it runs. Throws `serving.model_load_failed` with the reason. */
  reach(model: LocalModel): Promise<LocalAddress>
  /** Ends the processes of models that nobody names any more. */
  retain(wanted: readonly LocalModel[]): void
  stop(): void
}

type Running = { child: ChildProcess; address: Promise<LocalAddress> }

// The compiler rewrites imports, not this path: the built server has a .js beside it.
const isSource = import.meta.url.endsWith('.ts')
const HOSTS = {
  gguf: new URL(isSource ? './llama-host.ts' : './llama-host.js', import.meta.url),
  onnx: new URL(isSource ? './embedder-host.ts' : './embedder-host.js', import.meta.url),
} as const
const LOAD_TIMEOUT_MS = 300_000

export type LocalHome = Readonly<{ folder: string; env: Readonly<Record<string, string>> }>

export function createLocalModels({ folder, env }: LocalHome): LocalModels {
  const running = new Map<string, Running>()

  const launch = (model: LocalModel): Running => {
    const secret = randomBytes(24).toString('base64url')
    const child = fork(fileURLToPath(HOSTS[model.kind]), [], {
      execArgv: ['--disable-warning=ExperimentalWarning', ...process.execArgv.filter(isCondition)],
      env,
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    child.unref()
    const address = new Promise<LocalAddress>((resolve, reject) => {
      const refuse = (reason: string): void => {
        clearTimeout(late)
        if (running.get(keyOf(model))?.child === child) running.delete(keyOf(model))
        child.kill('SIGKILL')
        reject(fail('serving.model_load_failed', `${model.file} can't be served: ${reason}`))
      }
      const late = setTimeout(
        () => refuse(`it did not load within ${LOAD_TIMEOUT_MS / 1_000} s`),
        LOAD_TIMEOUT_MS
      )
      child.once('error', (error) => refuse(error.message))
      child.once('exit', (code, signal) =>
        refuse(`its process ended (${signal ?? `code ${String(code)}`})`)
      )
      child.once('message', (message: FromHost) => {
        clearTimeout(late)
        if (message.kind === 'failed') refuse(message.message)
        else resolve({ url: `http://127.0.0.1:${message.port}/v1`, secret })
      })
    })
    const { file, ...rest } = model
    child.send({ ...rest, path: join(folder, file), secret } satisfies HostSettings)
    return { child, address }
  }

  return {
    reach(model) {
      const key = keyOf(model)
      let one = running.get(key)
      if (one === undefined) running.set(key, (one = launch(model)))
      return one.address
    },
    retain(wanted) {
      const keys = new Set(wanted.map(keyOf))
      for (const [key, { child }] of running) {
        if (keys.has(key)) continue
        running.delete(key)
        child.kill('SIGKILL')
      }
    },
    stop() {
      for (const { child } of running.values()) child.kill('SIGKILL')
    },
  }
}

const keyOf = (model: LocalModel): string =>
  JSON.stringify([
    model.kind,
    model.file,
    model.parallel,
    model.threads,
    model.contextTokens,
    model.pooling,
  ])

const isCondition = (argument: string): boolean => argument.startsWith('--conditions=')
