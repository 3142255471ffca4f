import { z } from 'zod'
import { name, nothing } from './names.ts'
import { route } from './route.ts'

const ms = z.int().positive().max(3_600_000)

/** The name of an environment variable of the server that holds a key: the key itself is never stored, shown or logged. */
export const keyEnv = z
  .string()
  .max(120)
  .regex(
    /^(LLM_[A-Z0-9_]+|[A-Z][A-Z0-9_]*_API_KEY)$/,
    'must end in _API_KEY or begin with LLM_, so that no other secret of the server can be sent away'
  )

const ggufModel = z.strictObject({
  /** A file in the server's folder of such models: `TRESTLE_LOCAL_MODELS`, else `local-models` in its data folder. */
  file: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,199}\.gguf$/, 'must be the name of a .gguf file'),
  /** Calls that are worked on at once; others wait. Each needs memory for its own context. */
  parallel: z.int().min(1).max(64).default(4),
  /** CPU threads that it may use, and is billed for while it works. */
  threads: z.int().min(1).max(256).default(2),
})

const onnxEmbedder = z.strictObject({
  /** A folder beside GGUF models, with `model.onnx`, `tokenizer.json` and `tokenizer_config.json` as Hugging Face has them. */
  folder: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/, 'must be the name of a folder'),
  /** How the vectors of tokens become one of the text: their mean, or that of the first. */
  pooling: z.enum(['mean', 'cls']).default('mean'),
  threads: z.int().min(1).max(256).default(2),
})

export const llmBackend = z.strictObject({
  /** Its name in metrics and answers; by default the model, made unique. */
  name: name.optional(),
  /** Whose prices hold, and which defaults: `openai`, `anthropic`, `mistral`, `groq`, `vllm`, `ollama` … */
  provider: z.string().min(1).max(60).default('openai'),
  /** The model as the provider calls it. */
  model: z.string().min(1).max(250),
  /** Which protocol it speaks. By default Anthropic's for `anthropic`, OpenAI's for all others. */
  api: z.enum(['openai', 'anthropic']).optional(),
  /** Up to and with `/v1`. May be left out for providers that Trestle knows. */
  url: z.url({ protocol: /^https?$/ }).optional(),
  /** A model that Trestle runs itself by llama.cpp, in a process of its own. It has no url and no key, and is billed by its CPU time. */
  gguf: ggufModel.optional(),
  /** A model of embeddings that Trestle runs itself by ONNX Runtime, in a process of its own, for `/v1/embeddings`. */
  onnx: onnxEmbedder.optional(),
  /** Null: no key is sent. Left out: the usual variable of a hosted provider, such as OPENAI_API_KEY. */
  keyEnv: keyEnv.nullable().optional(),
  weight: z.number().positive().max(1_000_000).default(1),
  /** `tokens`: what the price table says. `time`: by the time it worked, at the rate card of the device `remote`. */
  billing: z.enum(['tokens', 'time']).default('tokens'),
  /** Look its price up under this model instead. */
  priceAs: z.string().min(1).max(250).optional(),
  /** Tokens that it can read and write in one call; a call that is refused as too long goes to a backend with more. */
  contextTokens: z.int().positive().optional(),
  /** A path below the server's root that answers 200 while it is well, such as `/health`; asked every 10 s. */
  healthPath: z.string().startsWith('/').max(500).optional(),
  /** Where a vLLM server tells of its queue and cache, such as `/metrics`. */
  metricsPath: z.string().startsWith('/').max(500).optional(),
})

const pattern = z.strictObject({
  name: z.string().min(1).max(60),
  /** A regular expression. */
  regex: z.string().min(1).max(500),
})

const guardrail = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('pii'),
    /** What is looked for. */
    find: z
      .array(z.enum(['email', 'phone', 'credit-card', 'iban', 'ip', 'us-ssn', 'secret-key']))
      .min(1)
      .default(['email', 'phone', 'credit-card', 'iban', 'us-ssn', 'secret-key']),
    on: z.enum(['input', 'output', 'both']).default('both'),
    /** `mask` puts `[EMAIL]` in its place; `block` refuses the call. */
    action: z.enum(['mask', 'block']).default('mask'),
  }),
  z.strictObject({
    kind: z.literal('regex'),
    patterns: z.array(pattern).min(1).max(50),
    on: z.enum(['input', 'output', 'both']).default('input'),
    action: z.enum(['mask', 'block']).default('block'),
  }),
  z.strictObject({
    kind: z.literal('webhook'),
    /** Gets `{"stage", "endpoint", "text"}`, answers `{"action": "allow" | "block" | "replace", "text"?, "reason"?}`. */
    url: z.url({ protocol: /^https?$/ }),
    /** `during`: asked beside the model, and its answer is held back until both are there. */
    on: z.enum(['input', 'during', 'output']).default('input'),
    timeoutMs: ms.default(2_000),
    /** What happens when it does not answer. */
    onFailure: z.enum(['allow', 'block']).default('block'),
  }),
])

export const llmSpec = z.strictObject({
  /** One backend, or several that share the calls. */
  backends: z.array(llmBackend).min(1).max(50),
  /**
   * `priority`: the first that is well; the others stand by. `weighted`: by weight. `least-busy`, `latency`: where the fewest calls are under way, or
   * answers come first. `cost`: the cheapest that is well.
   */
  routing: z.enum(['priority', 'weighted', 'least-busy', 'latency', 'cost']).default('priority'),
  /** Further tries of one call after a failure, each on the best backend not yet tried. */
  retries: z.int().min(0).max(5).default(2),
  timeouts: z
    .strictObject({
      /** Until the first byte of the answer. */
      firstTokenMs: ms.default(60_000),
      /** Between two pieces of a stream. */
      betweenTokensMs: ms.default(30_000),
      totalMs: ms.default(600_000),
    })
    .prefault({}),
  /** When the caller leaves: `cancel` the backend at once, or `drain` what is under way, to learn its exact usage. */
  onClientGone: z.enum(['cancel', 'drain']).default('cancel'),
  /** A prompt of the registry whose messages come before the caller's: `support/3` or `support@production`. */
  prompt: z.string().min(1).max(300).nullable().default(null),
  cache: z
    .strictObject({
      ttlSeconds: z.int().positive().max(2_592_000).default(3_600),
      /** Also answers questions that mean the same, by the embeddings of this LLM endpoint. */
      semantic: z
        .strictObject({
          endpoint: name,
          /** Cosine similarity from which two questions are the same. */
          threshold: z.number().min(0.5).max(1).default(0.95),
        })
        .nullable()
        .default(null),
    })
    .nullable()
    .default(null),
  guardrails: z.array(guardrail).max(20).default([]),
})

export type LlmSpec = z.output<typeof llmSpec>
export type LlmSpecInput = z.input<typeof llmSpec>
export type LlmBackend = LlmSpec['backends'][number]
export type LlmGuardrail = LlmSpec['guardrails'][number]

const limit = z.strictObject({
  name,
  /** One API key, by its id; null: each key on its own, and callers without one together. */
  apiKey: z.string().min(1).max(60).nullable().default(null),
  endpoint: name.nullable().default(null),
  requestsPerMinute: z.int().positive().max(10_000_000).nullable().default(null),
  tokensPerMinute: z.int().positive().max(10_000_000_000).nullable().default(null),
  /** Calls under way at once. */
  maxConcurrent: z.int().positive().max(1_000_000).nullable().default(null),
})

const tag = 'LLM'

export const llm = {
  listLimits: route({
    method: 'GET',
    path: '/api/llm/limits',
    role: 'viewer',
    tag,
    summary: 'Rate limits of callers of LLM endpoints',
    response: z.object({ items: z.array(limit) }),
  }),
  putLimit: route({
    method: 'PUT',
    path: '/api/llm/limits/:name',
    role: 'operator',
    tag,
    summary: 'Create or replace a rate limit; each process of the server counts for itself',
    params: z.object({ name }),
    body: limit.omit({ name: true }),
    response: limit,
  }),
  deleteLimit: route({
    method: 'DELETE',
    path: '/api/llm/limits/:name',
    role: 'operator',
    tag,
    summary: 'Delete a rate limit',
    params: z.object({ name }),
    response: nothing,
    errors: ['resource.not_found'],
  }),
}
