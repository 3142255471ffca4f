import { AppError, messageOf } from '../../../kernel/errors.ts'
import type { TraceContext } from '../../../platform/telemetry/otlp/index.ts'
import type { LiveEndpoint, LiveVariant } from '../fleet.ts'
import type { LlmCall } from './llm-call.ts'
import type { LlmVariant } from './llm-variant.ts'

/** A call on its way through one variant. */
export type LlmPrediction = Readonly<{
  call: LlmCall
  endpoint: LiveEndpoint
  variant: LiveVariant
  llm: LlmVariant
  id: string
  at: number
  begunAt: number
  stickyKey: string | null
  role: 'live' | 'shadow'
  pairedWith: string | null
  /** Places in a trace of the prediction and of its call to a backend; null when nobody traces. */
  trace: { own: TraceContext; call: TraceContext } | null
}>

/** The code that an error is counted under. */
export const codeOf = (error: unknown): string =>
  error instanceof AppError ? error.code : `internal.unexpected: ${messageOf(error)}`.slice(0, 120)
