import type { BatchState, NewBatchJob } from '@trestle/contract'

/** One slice of the input: rows `from` to `from + rows` of a file that must still be as it was when the job was planned. */
export type ShardSource = Readonly<{
  path: string
  from: number
  rows: number
  size: number
  modifiedMs: number
}>

export type Shard = Readonly<{
  jobId: string
  shard: number
  source: ShardSource
  rows: number
  isDone: boolean
  attempt: number
  failures: number
  rowsRead: number
  rowsFailed: number
}>

/**
 *   planning ──► running ──► publishing ──► done
 *       │         ▲   │          │
 *       │         │   ▼          │
 *       │        paused          │
 *       └────► failed ◄──────────┘        cancelled: from planning, running, paused, failed
 *
 * A failed job may be resumed: shards that are done stay done.
 */
export type Job = Readonly<{
  id: string
  project: string
  state: BatchState
  spec: NewBatchJob
  model: Readonly<{ name: string; version: number }> | null
  error: string | null
  createdAt: number
  createdBy: string
  startedAt: number | null
  endedAt: number | null
}>

export type JobAction = 'pause' | 'resume' | 'cancel'

const NEXT: Readonly<Record<JobAction, Partial<Record<BatchState, BatchState>>>> = {
  pause: { running: 'paused' },
  // Without shards there is no plan yet.
  resume: { paused: 'running', failed: 'planning' },
  cancel: {
    planning: 'cancelled',
    running: 'cancelled',
    paused: 'cancelled',
    failed: 'cancelled',
  },
}

/** The state after an action; null when the state does not allow it. */
export const actOn = (state: BatchState, action: JobAction): BatchState | null =>
  NEXT[action][state] ?? null

export const hasEnded = (state: BatchState): boolean =>
  state === 'done' || state === 'failed' || state === 'cancelled'
