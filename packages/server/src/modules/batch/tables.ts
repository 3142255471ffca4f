import type { BatchState } from '@trestle/contract'

/** The tables of this module. Times are epoch milliseconds. */
export type BatchTables = {
  batch_jobs: {
    id: string
    project: string
    /** Project and key; null without one. Unique. */
    idempotency: string | null
    state: BatchState
    spec: string
    model_name: string | null
    model_version: number | null
    error: string | null
    /** Who plans or publishes it, until when. */
    holder: string | null
    lease_until: number
    created_at: number
    created_by: string
    started_at: number | null
    ended_at: number | null
  }
  batch_shards: {
    job_id: string
    shard: number
    /** A JSON `ShardSource`: never changes once written. */
    source: string
    rows: number
    is_done: number
    /** Grows with every claim; only the newest may commit. */
    attempt: number
    failures: number
    holder: string | null
    lease_until: number
    /** Read so far by the newest attempt; all of them once done. */
    rows_read: number
    rows_failed: number
    outputs: string | null
  }
}
