/** The part of `node-llama-cpp` that is used here. It is no dependency: whoever wants it installs it beside Trestle. */
import { findPackageJSON } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** A token is its number. */
export type Token = number

export interface LlamaSequence {
  evaluate(
    tokens: readonly Token[],
    options: Readonly<Record<string, unknown>>
  ): AsyncIterable<Token>
  /** Tokens that it has read already. */
  readonly nextTokenIndex: number
  /** Forgets what these tokens do not begin with. */
  adaptStateToTokens(tokens: readonly Token[], allowShift: boolean): Promise<void>
}

export interface LlamaModel {
  readonly trainContextSize: number
  readonly tokenizer: unknown
  tokenize(text: string): Token[]
  detokenize(tokens: readonly Token[], special?: boolean, lastTokens?: readonly Token[]): string
  isEogToken(token: Token): boolean
  createContext(options: {
    sequences: number
    contextSize: number
    threads: number
  }): Promise<{ getSequence(): LlamaSequence; readonly contextSize: number }>
  createEmbeddingContext(options: { threads: number }): Promise<{
    getEmbeddingFor(text: string): Promise<{ vector: readonly number[] }>
  }>
}

export interface Llama {
  loadModel(options: { modelPath: string }): Promise<LlamaModel>
  createGrammarForJsonSchema(schema: unknown): Promise<unknown>
  getGrammarFor(kind: 'json'): Promise<unknown>
}

type ChatItem =
  { type: 'system' | 'user'; text: string } | { type: 'model'; response: readonly string[] }

export interface Binding {
  getLlama(options: Readonly<Record<string, unknown>>): Promise<Llama>
  resolveChatWrapper(model: LlamaModel): {
    generateContextState(options: { chatHistory: readonly ChatItem[] }): {
      contextText: { tokenize(tokenizer: unknown): Token[] }
    }
  }
  readonly LlamaGrammarEvaluationState: new (options: {
    model: LlamaModel
    grammar: unknown
  }) => object
}

/** Finds it beside Trestle, or where the server was started. Throws with what to do when it is in neither place. */
export async function importBinding(): Promise<Binding> {
  for (const from of [import.meta.url, pathToFileURL(join(process.cwd(), 'package.json'))]) {
    const found = packageIn(from)
    if (found !== null)
      return (await import(pathToFileURL(join(dirname(found), 'dist', 'index.js')).href)) as Binding // its own types say the same
  }
  throw new Error(
    'node-llama-cpp is not installed; where the server starts, run: npm install node-llama-cpp'
  )
}

function packageIn(from: string | URL): string | null {
  try {
    return findPackageJSON('node-llama-cpp', from) ?? null
  } catch {
    return null
  }
}
