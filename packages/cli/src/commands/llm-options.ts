import { readFileSync } from 'node:fs'
import type { LlmSpecInput } from '@trestle/contract'
import { InvalidArgumentError, Option, type Command } from 'commander'

/** What `--model` or `--llm` and its companions were given. */
export type SourceOptions = {
  model?: string
  llm?: readonly string[]
  backend?: readonly string[]
  keyEnv?: readonly string[]
  routing?: LlmSpecInput['routing']
  prompt?: string
  llmFile?: LlmSpecInput
}

const ROUTINGS = ['priority', 'weighted', 'least-busy', 'latency', 'cost'] as const

/** Options that say what a variant serves: a registered model, or an LLM. */
export function addSourceOptions(command: Command): Command {
  return command
    .option('--model <reference>', 'a registered model: fraud/3 or fraud@champion')
    .option(
      '--llm <provider:model>',
      'an LLM: openai:gpt-4o-mini, anthropic:claude-sonnet-4-5, vllm:<model>; again for each further backend',
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
}

/** The source of a variant. Ends the command with advice when it is not one of the two. */
export function sourceOf(
  options: SourceOptions,
  command: Command
): { model: string } | { llm: LlmSpecInput } {
  const { model, llm, llmFile } = options
  const given = [model, llm, llmFile].filter((one) => one !== undefined)
  if (given.length !== 1)
    command.error('error: give one of --model, --llm and --llm-file', { exitCode: 2 })
  if (model !== undefined) return { model }
  if (llmFile !== undefined) return { llm: llmFile }
  return {
    llm: {
      backends: (llm ?? []).map((text, i) => backendOf(text, options, i)),
      ...(options.routing === undefined ? {} : { routing: options.routing }),
      ...(options.prompt === undefined ? {} : { prompt: options.prompt }),
    },
  }
}

/** What a variant is called while it is being made. */
export const sourceName = (source: { model: string } | { llm: LlmSpecInput }): string =>
  'model' in source ? source.model : (source.llm.backends[0]?.model ?? 'the LLM')

function backendOf(
  text: string,
  { backend, keyEnv }: SourceOptions,
  index: number
): LlmSpecInput['backends'][number] {
  const at = text.indexOf(':')
  const url = backend?.[index]
  const key = keyEnv?.[index]
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

function readSpec(path: string): LlmSpecInput {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as LlmSpecInput // the server checks it
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error))
  }
}
