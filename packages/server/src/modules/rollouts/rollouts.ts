import type { AlertAction, NewRollout } from '@trestle/contract'
import type { FastifyInstance } from 'fastify'
import type { Component } from '../../platform/component.ts'
import type { Topic } from '../../platform/events/topic.ts'
import type { Business } from './business/business.ts'
import type { Declared } from './declared.ts'
import type { DeferMove } from './policies/policies.ts'
import type { RolloutChanged } from './recorder.ts'
import type { RolloutRecord, TransitionRecord } from './record.ts'
import type { HumanAction } from './state.ts'

export interface Rollouts extends Component {
  routes(app: FastifyInstance): void
  /** Begins a rollout. Throws `rollouts.in_progress` while another one of the endpoint runs, unless it replaces it. */
  create(request: { project: string; body: NewRollout; by: string }): Promise<RolloutRecord>
  /** Throws `rollouts.rollout_not_found`. */
  get(project: string, id: string): Promise<RolloutRecord>
  timeline(id: string): Promise<readonly TransitionRecord[]>
  list(page: {
    project: string
    endpoint: string | undefined
    limit: number
    before: string | undefined
  }): Promise<readonly RolloutRecord[]>
  /** A person's word: pause, resume, promote, abort, approve. Throws `resource.conflict` when the state does not allow it. */
  act(request: {
    project: string
    id: string
    action: HumanAction
    by: string
    note: string
  }): Promise<RolloutRecord>
  /** False while a rollout of this endpoint runs: then its traffic is the rollout's. */
  mayChangeTraffic(endpointId: string): Promise<boolean>
  /** Whether a copy of a request may go to this shadow: false once the day's cap is spent. Answers from memory. */
  mayShadow(endpointId: string, variant: string): boolean
  /** Asked before a move of an alias or stage: a policy may make a rollout of it. */
  deferMove: DeferMove
  /** Ends the rollouts of a version that is not to be served any more. */
  onArchived(version: { project: string; name: string; version: number }): Promise<void>
  /**
   * Ends the endpoint's rollout because of an alert; `roll-back` also takes its last promotion back. Leaves a rollout alone that began after the alert.
   * Throws `resource.conflict` when the way back is gone.
   */
  onAlert(request: {
    project: string
    endpoint: string
    action: AlertAction
    alert: Readonly<{ id: string; title: string; startsAt: number }>
  }): Promise<Readonly<{ state: 'done' | 'skipped'; outcome: string }>>
  readonly business: Pick<Business, 'push'>
  readonly declared: Declared
  readonly changed: Topic<RolloutChanged>
  /** One pass over every open rollout: what the scheduler does every second. */
  tick(): Promise<void>
  /** Reads what the copies of capped shadows cost today: what the scheduler does every second. */
  refreshBudgets(): Promise<void>
}
