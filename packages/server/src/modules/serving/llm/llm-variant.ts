import type { LlmSpec } from '@trestle/contract'
import type { Clock } from '../../../kernel/clock.ts'
import { resolveBackends } from './backend.ts'
import { createBackendPool, type BackendPool } from './backend-pool.ts'
import type { KeySource, LlmAccounts } from './ports.ts'
import { createRetryBudget, type RetryBudget } from './retry-budget.ts'

/** A variant that is an LLM: what it was declared as, and its backends at work. */
export type LlmVariant = Readonly<{ spec: LlmSpec; pool: BackendPool; retries: RetryBudget }>

/** What backends are compared by when the cheapest is wanted: a thousand tokens in, as many out. */
const USUAL_CALL = { input: 1_000, output: 1_000 } as const

/** Makes an LLM variant ready. Throws `serving.model_load_failed` when a key is not in the environment. */
export function openLlmVariant(
  deps: { clock: Clock; keys: KeySource; accounts: LlmAccounts },
  spec: LlmSpec
): LlmVariant {
  const backends = resolveBackends(spec.backends)
  return {
    spec,
    retries: createRetryBudget(),
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
