import { AppError, messageOf } from '../../../kernel/errors.ts'
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
}>

/** The code that an error is counted under. */
export const codeOf = (error: unknown): string =>
  error instanceof AppError ? error.code : `internal.unexpected: ${messageOf(error)}`.slice(0, 120)
