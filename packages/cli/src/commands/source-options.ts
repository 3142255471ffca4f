import { readFileSync } from 'node:fs'
import { basename, extname } from 'node:path'
import type {
  GraphSpecInput,
  LlmSpecInput,
  RemoteSpecInput,
  ScriptSpecInput,
} from '@trestle/contract'
import { InvalidArgumentError, Option, type Command } from 'commander'

/** What `--model`, `--llm` or `--remote` and their companions were given. */
export type SourceOptions = {
  model?: string
  llm?: readonly string[]
  backend?: readonly string[]
  keyEnv?: readonly string[]
  routing?: LlmSpecInput['routing']
  prompt?: string
  llmFile?: LlmSpecInput
  remote?: string
  remoteModel?: string
  remoteProtocol?: RemoteSpecInput['protocol']
  remoteKeyEnv?: string
  remoteFile?: RemoteSpecInput
  script?: ScriptSpecInput
  graph?: GraphSpecInput
}

/** What a variant serves, as the API takes it. */
export type Source =
  | { model: string }
  | { llm: LlmSpecInput }
  | { remote: RemoteSpecInput }
  | { script: ScriptSpecInput }
  | { graph: GraphSpecInput }

const PROTOCOLS = ['oip', 'kserve-v1', 'sagemaker', 'mlflow'] as const
const ROUTINGS = ['priority', 'weighted', 'least-busy', 'latency', 'cost'] as const

/** Options that say what a variant serves: a registered model, an LLM, a model on another server, a script or a graph. */
export function addSourceOptions(command: Command): Command {
  return command
    .option('--model <reference>', 'a registered model: fraud/3 or fraud@champion')
    .option(
      '--llm <provider:model>',
      'an LLM: openai:gpt-4o-mini, anthropic:claude-sonnet-4-5, vllm:<model>, gguf:<file>; again for each further backend',
      collect
    )
    .option('--backend <url>', 'where it is, with /v1; one for each --llm, in order', collect)
    .option(
      '--key-env <name>',
      'the variable of the server that holds its key, or "none"; one for each --llm, in order',
      collect
    )
    .addOption(
      new Option('--routing <how>', 'how several backends share the calls').choices(ROUTINGS)
    )
    .option('--prompt <reference>', 'a prompt of the registry that comes before every call')
    .option('--llm-file <path>', 'an LLM with all its settings, as JSON', readSpec)
    .option(
      '--remote <url>',
      'a model on another server (Triton, KServe, MLServer, Trestle …): http://host:8000 or grpc://host:8001'
    )
    .option('--remote-model <name>', 'what that server calls it')
    .addOption(
      new Option('--remote-protocol <name>', 'what that server speaks, by default oip').choices(
        PROTOCOLS
      )
    )
    .option('--remote-key-env <name>', "the variable of this server that holds that server's key")
    .option('--remote-file <path>', 'a remote model with all its settings, as JSON', readSpec)
    .option('--script <path>', 'a model written in TypeScript (defineModel)', readScript)
    .option('--graph <path>', 'several endpoints as one (sequence, ensemble …), as JSON', readSpec)
}

/** The source of a variant. Ends the command with advice when it is not exactly one. */
export function sourceOf(options: SourceOptions, command: Command): Source {
  const { model, llm, llmFile, remote, remoteFile, script, graph } = options
  const given = [model, llm, llmFile, remote, remoteFile, script, graph].filter(
    (one) => one !== undefined
  )
  if (given.length !== 1)
    command.error(
      'error: give one of --model, --llm, --llm-file, --remote, --remote-file, --script and --graph',
      {
        exitCode: 2,
      }
    )
  if (model !== undefined) return { model }
  if (llmFile !== undefined) return { llm: llmFile }
  if (remoteFile !== undefined) return { remote: remoteFile }
  if (remote !== undefined) return { remote: remoteOf(remote, options) }
  if (script !== undefined) return { script }
  if (graph !== undefined) return { graph }
  return {
    llm: {
      backends: (llm ?? []).map((text, i) => backendOf(text, options, i)),
      ...(options.routing === undefined ? {} : { routing: options.routing }),
      ...(options.prompt === undefined ? {} : { prompt: options.prompt }),
    },
  }
}

/** What a variant is called while it is being made. */
export function sourceName(source: Source): string {
  if ('model' in source) return source.model
  if ('remote' in source) return source.remote.url
  if ('script' in source) return source.script.name ?? 'the script'
  if ('graph' in source) return `the ${source.graph.kind}`
  return source.llm.backends[0]?.model ?? 'the LLM'
}

const remoteOf = (url: string, options: SourceOptions): RemoteSpecInput => ({
  url,
  ...(options.remoteModel === undefined ? {} : { model: options.remoteModel }),
  ...(options.remoteProtocol === undefined ? {} : { protocol: options.remoteProtocol }),
  ...(options.remoteKeyEnv === undefined ? {} : { keyEnv: options.remoteKeyEnv }),
})

function backendOf(
  text: string,
  { backend, keyEnv }: SourceOptions,
  index: number
): LlmSpecInput['backends'][number] {
  const at = text.indexOf(':')
  const url = backend?.[index]
  const key = keyEnv?.[index]
  if (text.startsWith('gguf:')) {
    const file = text.slice(at + 1)
    return { model: basename(file, '.gguf'), gguf: { file } }
  }
  return {
    provider: at === -1 ? 'openai' : text.slice(0, at),
    model: text.slice(at + 1),
    ...(url === undefined ? {} : { url }),
    ...(key === undefined ? {} : { keyEnv: key === 'none' ? null : key }),
  }
}

const collect = (text: string, before: readonly string[] = []): readonly string[] => [
  ...before,
  text,
]

function readScript(path: string): ScriptSpecInput {
  try {
    const name = basename(path, extname(path)).replaceAll(/[^A-Za-z0-9._-]/g, '-')
    return { name, source: readFileSync(path, 'utf8') }
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error))
  }
}

function readSpec(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error))
  }
}
