import type { Backend } from './backend.ts'
import type { Usage } from './token-usage.ts'

/** Who and what a call is charged to. */
export type ChargeScope = Readonly<{
  project: string
  endpoint: string
  apiKeyId: string | null
  tag: string
}>

/** The most that a call can use at any of its backends: what is held for it. Null output: as much as the model can write. */
export type UsageBound = Readonly<{
  backends: readonly Pick<Backend, 'provider' | 'priceAs' | 'billing'>[]
  inputTokens: number
  outputTokens: number | null
}>

/** Money held for one call. Call `settle` once: with what was used, or null when nothing was bought. */
export type Hold = Readonly<{
  kind: 'held'
  settle: (
    used: {
      backend: Pick<Backend, 'provider' | 'priceAs' | 'billing'>
      usage: Usage
      serviceTier: string | null
    } | null
  ) => void
}>

/** `unpriced`: the model has no price, so that no budget can be kept. */
export type HoldRefused = Readonly<{
  kind: 'refused'
  budget: string
  reason: 'spent' | 'unpriced'
  retryAfterMs: number | null
}>

/** Whoever keeps prices and budgets. */
export interface LlmAccounts {
  /** Holds the most that the call can cost against every budget that it falls under, or against none. A promise only when it has to wait. */
  reserve(scope: ChargeScope, bound: UsageBound): Hold | HoldRefused | Promise<Hold | HoldRefused>
  /** Dollars as decimal text; null without a price. */
  priceOf(used: {
    backend: Pick<Backend, 'provider' | 'priceAs' | 'billing'>
    usage: Usage
    serviceTier: string | null
  }): string | null
}

/** Counts tokens, away from the thread that answers callers. */
export interface TokenCounter {
  count(text: string): Promise<number>
  close(): Promise<void>
}

/** Secrets of backends, by the name of their variable; null when there is none. */
export type KeySource = (name: string) => string | null

export const freeAccounts: LlmAccounts = {
  reserve: () => ({ kind: 'held', settle: () => undefined }),
  priceOf: () => null,
}
