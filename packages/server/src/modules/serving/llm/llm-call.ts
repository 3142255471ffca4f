import type { Attributes, TraceContext } from '../../../platform/telemetry/otlp/index.ts'
import type { Usage } from './token-usage.ts'

/** What is asked of a model, whatever protocol it came by. */
export type LlmOperation =
  'chat' | 'completions' | 'embeddings' | 'responses' | 'rerank' | 'messages'

/** One call, with its body both as it came and as it reads. */
export type LlmCall = Readonly<{
  project: string
  endpoint: string
  requestId: string
  /** When it came, epoch ms. */
  at: number
  apiKeyId: string | null
  /** The customer or purpose that its cost is booked under; empty for none. */
  tag: string
  operation: LlmOperation
  /** The protocol that the caller speaks. */
  wire: 'openai' | 'anthropic'
  bytes: Buffer
  body: Readonly<Record<string, unknown>>
  isStream: boolean
  variant: string | null
  header: (name: string) => string | undefined
}>

/** Where an answer goes. `head` comes once and first. */
export interface AnswerSink {
  head(status: number, headers: Readonly<Record<string, string>>): void
  /** False: no more until `onDrain`. */
  write(bytes: Buffer): boolean
  end(bytes?: Buffer): void
  readonly isGone: boolean
  onDrain(listener: () => void): void
  /** The caller left before the end. */
  onGone(listener: () => void): void
}

/** What a protocol says in its own words. */
export type Dialect = Readonly<{ errorEvent: (message: string) => Buffer }>

/** How sure a usage is. `partial`: the call was cut short, and what had come is counted. `unmetered`: nothing of it could be counted. */
export type UsageStatus = 'measured' | 'estimated' | 'partial' | 'unmetered'

/** What an LLM call used, as the ledger and the log learn of it. */
export type LlmUsage = Readonly<{
  operation: LlmOperation
  backend: string
  provider: string
  /** Where the backend is. */
  url: string
  /** The model as the backend is asked for it. */
  requestModel: string
  /** The model that it is priced as. */
  model: string
  /** What the provider says that it was. */
  responseModel: string | null
  responseId: string | null
  usage: Usage
  /** Of an answer from a cache: what its backend would have used. */
  savedUsage: Usage | null
  status: UsageStatus
  billing: 'tokens' | 'time'
  serviceTier: string | null
  tag: string
  isStream: boolean
  /** From a cache of ours: nothing was bought. */
  cache: 'exact' | 'semantic' | null
  firstTokenMs: number | null
  finishReasons: readonly string[]
  attempts: number
  /** Settings of the request, as OpenTelemetry names them; empty when nobody traces. */
  settings: Attributes
  /** The place of the call to the backend in a trace; null when nobody traces. */
  trace: TraceContext | null
}>
