import { fork, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fail } from '../../../../platform/errors.ts'
import type { GgufModel } from '../backend.ts'

/** What a process is told once, when it starts. */
export type LlamaSettings = Omit<GgufModel, 'file'> & Readonly<{ path: string; secret: string }>
export type FromLlama =
  Readonly<{ kind: 'listening'; port: number }> | Readonly<{ kind: 'failed'; message: string }>

/** Where a model that runs here answers, and what opens its door. */
export type LlamaAddress = Readonly<{ url: string; secret: string }>

/** GGUF models, each in a process of its own that falls alone. */
export interface LlamaServers {
  /** Starts the process unless it runs. Throws `serving.model_load_failed` with the reason. */
  reach(gguf: GgufModel): Promise<LlamaAddress>
  /** Ends the processes of models that nobody names any more. */
  retain(wanted: readonly GgufModel[]): void
  stop(): void
}

type Running = { child: ChildProcess; address: Promise<LlamaAddress> }

// The compiler rewrites imports, not this path: the built server has a .js beside it.
const HOST = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? './llama-host.ts' : './llama-host.js', import.meta.url)
)
const LOAD_TIMEOUT_MS = 300_000

export type LlamaHome = Readonly<{ folder: string; env: Readonly<Record<string, string>> }>

export function createLlamaServers({ folder, env }: LlamaHome): LlamaServers {
  const running = new Map<string, Running>()

  const launch = (gguf: GgufModel): Running => {
    const secret = randomBytes(24).toString('base64url')
    const child = fork(HOST, [], {
      execArgv: ['--disable-warning=ExperimentalWarning', ...process.execArgv.filter(isCondition)],
      env,
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    child.unref()
    const address = new Promise<LlamaAddress>((resolve, reject) => {
      const refuse = (reason: string): void => {
        clearTimeout(late)
        if (running.get(keyOf(gguf))?.child === child) running.delete(keyOf(gguf))
        child.kill('SIGKILL')
        reject(fail('serving.model_load_failed', `${gguf.file} can't be served: ${reason}`))
      }
      const late = setTimeout(
        () => refuse(`it did not load within ${LOAD_TIMEOUT_MS / 1_000} s`),
        LOAD_TIMEOUT_MS
      )
      child.once('error', (error) => refuse(error.message))
      child.once('exit', (code, signal) =>
        refuse(`its process ended (${signal ?? `code ${String(code)}`})`)
      )
      child.once('message', (message: FromLlama) => {
        clearTimeout(late)
        if (message.kind === 'failed') refuse(message.message)
        else resolve({ url: `http://127.0.0.1:${message.port}/v1`, secret })
      })
    })
    const { file, ...rest } = gguf
    child.send({ ...rest, path: join(folder, file), secret } satisfies LlamaSettings)
    return { child, address }
  }

  return {
    reach(gguf) {
      const key = keyOf(gguf)
      let one = running.get(key)
      if (one === undefined) running.set(key, (one = launch(gguf)))
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

const keyOf = ({ file, parallel, threads, contextTokens }: GgufModel): string =>
  JSON.stringify([file, parallel, threads, contextTokens])

const isCondition = (argument: string): boolean => argument.startsWith('--conditions=')
