import type { LlmBackend } from '@trestle/contract'
import { fail } from '../../../platform/errors.ts'

/** A backend with every default filled in. Its key is looked up by name when a call goes out. */
export type Backend = Readonly<{
  name: string
  provider: string
  model: string
  api: 'openai' | 'anthropic'
  /** Without a slash at the end. */
  url: string
  keyEnv: string | null
  weight: number
  billing: 'tokens' | 'time'
  /** The model that its price stands under. */
  priceAs: string
  contextTokens: number | null
  healthPath: string | null
  metricsPath: string | null
  /** A model that Trestle runs itself; null for a server. */
  local: LocalModel | null
}>

export type LocalModel = Readonly<{
  /** A GGUF file for llama.cpp, or a folder with an ONNX model of embeddings and its tokenizer. */
  kind: 'gguf' | 'onnx'
  file: string
  parallel: number
  threads: number
  contextTokens: number
  /** How vectors of tokens become one of the text. */
  pooling: 'mean' | 'cls'
}>

const GGUF_CONTEXT = 4_096
const EMBEDDER_CONTEXT = 512

/** Where hosted providers live, and the variable that their own tools read the key from. Looked up in their documentation, November 2026. */
const KNOWN: Readonly<Record<string, { url: string; keyEnv: string | null }>> = {
  openai: { url: 'https://api.openai.com/v1', keyEnv: 'OPENAI_API_KEY' },
  anthropic: { url: 'https://api.anthropic.com/v1', keyEnv: 'ANTHROPIC_API_KEY' },
  mistral: { url: 'https://api.mistral.ai/v1', keyEnv: 'MISTRAL_API_KEY' },
  groq: { url: 'https://api.groq.com/openai/v1', keyEnv: 'GROQ_API_KEY' },
  deepseek: { url: 'https://api.deepseek.com/v1', keyEnv: 'DEEPSEEK_API_KEY' },
  xai: { url: 'https://api.x.ai/v1', keyEnv: 'XAI_API_KEY' },
  gemini: {
    url: 'https://generativelanguage.googleapis.com/v1beta/openai',
    keyEnv: 'GEMINI_API_KEY',
  },
  openrouter: { url: 'https://openrouter.ai/api/v1', keyEnv: 'OPENROUTER_API_KEY' },
  together: { url: 'https://api.together.xyz/v1', keyEnv: 'TOGETHER_API_KEY' },
  ollama: { url: 'http://127.0.0.1:11434/v1', keyEnv: null },
  vllm: { url: 'http://127.0.0.1:8000/v1', keyEnv: null },
}

/** Fills in what a declaration leaves out. Throws `request.invalid` when a backend can't be reached with what is known of it. */
export function resolveBackends(declared: readonly LlmBackend[]): Backend[] {
  const names = new Set<string>()
  return declared.map((backend) => {
    const local = localModel(backend)
    if (local !== null) return localBackend(backend, local, names)
    const known = KNOWN[backend.provider]
    const url = backend.url ?? known?.url
    if (url === undefined)
      throw fail(
        'request.invalid',
        `Backend "${backend.model}" needs a url: Trestle knows none for the provider "${backend.provider}"`
      )
    const isOwnUrl = backend.url !== undefined && backend.url !== known?.url
    return {
      name: uniqueName(backend.name ?? safeName(backend.model), names),
      provider: backend.provider,
      model: backend.model,
      api: backend.api ?? (backend.provider === 'anthropic' ? 'anthropic' : 'openai'),
      url: url.replace(/\/+$/, ''),
      // A key is for its own provider: to any other address it goes only when it is named.
      keyEnv:
        backend.keyEnv === undefined ? (isOwnUrl ? null : (known?.keyEnv ?? null)) : backend.keyEnv,
      weight: backend.weight,
      billing: backend.billing,
      priceAs: backend.priceAs ?? backend.model,
      contextTokens: backend.contextTokens ?? null,
      healthPath: backend.healthPath ?? null,
      metricsPath: backend.metricsPath ?? null,
      local: null,
    }
  })
}

function localModel({ gguf, onnx, contextTokens }: LlmBackend): LocalModel | null {
  if (gguf !== undefined)
    return {
      ...gguf,
      kind: 'gguf',
      contextTokens: contextTokens ?? GGUF_CONTEXT,
      pooling: 'mean',
    }
  if (onnx === undefined) return null
  const { folder, ...rest } = onnx
  return {
    ...rest,
    kind: 'onnx',
    file: folder,
    parallel: 1,
    contextTokens: contextTokens ?? EMBEDDER_CONTEXT,
  }
}

function localBackend(backend: LlmBackend, local: LocalModel, names: Set<string>): Backend {
  if (backend.url !== undefined || backend.keyEnv != null)
    throw fail(
      'request.invalid',
      `A backend with "${local.kind}" runs here: it has no url and no keyEnv`
    )
  return {
    name: uniqueName(backend.name ?? safeName(backend.model), names),
    provider: local.kind === 'gguf' ? 'llama.cpp' : 'onnx',
    model: backend.model,
    api: 'openai',
    url: `${local.kind}:${local.file}`,
    keyEnv: null,
    weight: backend.weight,
    billing: 'time',
    priceAs: backend.priceAs ?? backend.model,
    contextTokens: local.contextTokens,
    healthPath: null,
    metricsPath: null,
    local,
  }
}

/** A model's name as a name of ours: `meta-llama/Llama-3.1-8B` is `meta-llama-Llama-3.1-8B`. */
export const safeName = (model: string): string =>
  model
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 100) || 'model'

function uniqueName(name: string, taken: Set<string>): string {
  let unique = name
  for (let i = 2; taken.has(unique); i++) unique = `${name}-${i}`
  taken.add(unique)
  return unique
}
