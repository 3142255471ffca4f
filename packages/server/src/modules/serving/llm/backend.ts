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
  gguf: GgufModel | null
}>

export type GgufModel = Readonly<{
  file: string
  parallel: number
  threads: number
  contextTokens: number
}>

const GGUF_CONTEXT = 4_096

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
    if (backend.gguf !== undefined) return ggufBackend(backend, backend.gguf, names)
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
      gguf: null,
    }
  })
}

function ggufBackend(
  backend: LlmBackend,
  gguf: NonNullable<LlmBackend['gguf']>,
  names: Set<string>
): Backend {
  if (backend.url !== undefined || backend.keyEnv != null)
    throw fail('request.invalid', 'A backend with "gguf" runs here: it has no url and no keyEnv')
  const contextTokens = backend.contextTokens ?? GGUF_CONTEXT
  return {
    name: uniqueName(backend.name ?? safeName(backend.model), names),
    provider: 'llama.cpp',
    model: backend.model,
    api: 'openai',
    url: `gguf:${gguf.file}`,
    keyEnv: null,
    weight: backend.weight,
    billing: 'time',
    priceAs: backend.priceAs ?? backend.model,
    contextTokens,
    healthPath: null,
    metricsPath: null,
    gguf: { ...gguf, contextTokens },
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
