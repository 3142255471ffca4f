import type { LlmSpec } from '@trestle/contract'
import type { Clock } from '../../../kernel/clock.ts'
import { resolveBackends } from './backend.ts'
import { createBackendPool, type BackendPool } from './backend-pool.ts'
import { createGuardrails, type Guardrails } from './guardrails/guardrails.ts'
import type { KeySource, LlmAccounts } from './ports.ts'
import type { PromptTemplate } from './prompt.ts'
import { createRetryBudget, type RetryBudget } from './retry-budget.ts'

/** A variant that is an LLM: what it was declared as, and its backends at work. */
export type LlmVariant = Readonly<{
  spec: LlmSpec
  pool: BackendPool
  retries: RetryBudget
  guardrails: Guardrails | null
  /** Messages that come before every call's own. */
  prompt: PromptTemplate | null
}>

/** What backends are compared by when the cheapest is wanted: a thousand tokens in, as many out. */
const USUAL_CALL = { input: 1_000, output: 1_000 } as const

/** Makes an LLM variant ready. Throws `serving.model_load_failed` when a key is not in the environment. */
export function openLlmVariant(
  deps: { clock: Clock; keys: KeySource; accounts: LlmAccounts },
  of: { spec: LlmSpec; endpoint: string; prompt: PromptTemplate | null }
): LlmVariant {
  const { spec } = of
  const backends = resolveBackends(spec.backends)
  return {
    spec,
    retries: createRetryBudget(),
    guardrails: createGuardrails(spec.guardrails, of.endpoint),
    prompt: of.prompt,
    pool: createBackendPool({
      backends,
      routing: spec.routing,
      clock: deps.clock,
      costOf: (backend) => {
        const usd = deps.accounts.priceOf({ backend, usage: USUAL_CALL, serviceTier: null })
        return usd === null ? null : Number(usd)
      },
    }),
  }
}

/** The variables that a variant needs and the environment does not have. */
export const missingKeys = (spec: LlmSpec, keys: KeySource): string[] =>
  resolveBackends(spec.backends).flatMap(({ keyEnv }) =>
    keyEnv !== null && keys(keyEnv) === null ? [keyEnv] : []
  )
