import type { RolloutPhase } from '@trestle/contract'

/** The tables of this module. Times are epoch milliseconds. */
export type RolloutTables = {
  rollouts: {
    id: string
    project: string
    endpoint: string
    endpoint_id: string
    /** The endpoint's id while the rollout runs, null after: unique, so that an endpoint has one running rollout at most. */
    active_key: string | null
    phase: RolloutPhase
    /** Raised by every transition; a writer that read an older one is refused. */
    version: number
    spec: string
    state: string
    look: string | null
    trouble: string | null
    /** What a promotion moved in the registry, as it was before. Null: nothing is moved. */
    registry_before: string | null
    /** When the old variants are removed; null: never, or done. */
    retire_at: number | null
    created_at: number
    created_by: string
    ended_at: number | null
  }
  rollout_transitions: {
    rollout_id: string
    seq: number
    at: number
    actor: string
    event: string
    from_phase: RolloutPhase
    to_phase: RolloutPhase
    step: number
    reason: string
    weights: string
    verdicts: string
  }
  rollout_policies: {
    project: string
    endpoint: string
    declared: string
    updated_at: number
    updated_by: string
  }
  rollout_freezes: {
    project: string
    name: string
    declared: string
    updated_at: number
    updated_by: string
  }
  rollout_business_values: {
    endpoint_id: string
    metric: string
    /** `p:` and a prediction, or `i:` and what the sender calls it. */
    value_key: string
    variant: string
    at: number
    value: number
  }
  rollout_leases: {
    endpoint_id: string
    holder: string
    /** Grows with every new holder: a write with an older one is refused. */
    token: number
    expires_at: number
  }
}
