import { gateKey, type GateVerdict } from '@trestle/contract'
import type { Clock } from '../../kernel/clock.ts'
import type { Breaker } from './breaker.ts'
import { decide } from './decide.ts'
import { reweighed } from './bandit.ts'
import { collectLook, type Evidence } from './evidence.ts'
import { judgeAll } from './gates/judge.ts'
import { CONTROLLER, type Recorder } from './recorder.ts'
import type { LookRecord, RolloutRecord } from './record.ts'
import { deadlineOf, type Decision } from './state.ts'
import type { Fence, RolloutStore } from './store.ts'

/** Looks at the gates of a rollout when a look is due, keeps what it saw, and tells the state machine. */
export type Looker = (id: string, fence: Fence) => Promise<void>

export function createLooker(deps: {
  store: RolloutStore
  evidence: Evidence
  breaker: Breaker
  /** What forbids a step forward now, in words. */
  freezeOf: (rollout: RolloutRecord) => Promise<string | null>
  /** Why no copies go to a shadow. */
  whyNoCopies: (rolloutId: string) => string | null
  record: Recorder
  clock: Clock
  everyMs: number
}): Looker {
  return async (id, fence) => {
    const rollout = await deps.store.find(id)
    const now = deps.clock.now()
    if (rollout === null) return
    const { state, spec, look: last } = rollout
    if (state.phase === 'pending') {
      if (now >= state.deadlineAt && state.frozenAt === null)
        await deps.record(id, { kind: 'deadline-passed', at: now }, { actor: CONTROLLER, fence })
      return
    }
    if (state.appliedAt === null || !isUnderWay(rollout) || !isDue(rollout, now, deps.everyMs))
      return
    const look = await collectLook(deps.evidence, rollout, { now, from: state.appliedAt })
    const verdicts = judgeAll(spec.gates, look)
    const before = last?.step === state.step ? last : null
    const failures = countFailures(verdicts, before)
    const isAway = verdicts.some((v) => v.verdict === 'error') || !look.candidate.ok
    const looksWithoutEvidence = isAway ? (before?.looksWithoutEvidence ?? 0) + 1 : 0
    const decided = decide({
      now,
      stage: look.stage,
      appliedAt: state.appliedAt,
      deadlineAt: state.phase === 'paused' ? null : deadlineOf(state, now),
      onInsufficient: spec.onInsufficient,
      verdicts,
      requests: look.candidate.ok ? look.candidate.value.requests : null,
      failures: new Map(Object.entries(failures)),
      failureLimit: spec.failureLimit,
      looksWithoutEvidence,
      isEnvironmentFailing: deps.breaker.isEnvironmentFailing(id),
      isApproved: state.approvedSteps.includes(state.step),
      freeze: await deps.freezeOf(rollout),
    })
    const decision = reweighed(rollout, look, withCopies(decided, deps.whyNoCopies(id)))
    await deps.store.saveLook(id, {
      at: now,
      step: state.step,
      decision: `${decision.kind}: ${decision.reason}`,
      verdicts,
      failures,
      looksWithoutEvidence,
    })
    await deps.record(
      id,
      { kind: 'looked', at: now, step: state.step, decision },
      { actor: CONTROLLER, fence, verdicts }
    )
  }
}

/** A shadow that gets no more copies waits for evidence that does not come: that is what its reader has to know. */
const withCopies = (decision: Decision, why: string | null): Decision =>
  why !== null && decision.kind === 'hold' && decision.cause === 'insufficient'
    ? { ...decision, reason: `${decision.reason}; ${why}` }
    : decision

function isUnderWay({ state }: RolloutRecord): boolean {
  switch (state.phase) {
    case 'shadow':
    case 'preview':
    case 'canary':
    case 'ab-test':
    case 'bandit':
    case 'baking':
    case 'holding':
    case 'paused':
      return true
    case 'pending':
    case 'promoting':
    case 'promoted':
    case 'finishing':
    case 'finished':
    case 'rolling-back':
    case 'rolled-back':
    case 'aborted':
      return false
  }
}

/** The first look of a stage comes at once; after that one per interval, also when the clock was set back. */
function isDue({ state, look }: RolloutRecord, now: number, everyMs: number): boolean {
  if (look === null || look.step !== state.step) return true
  return now >= look.at + everyMs || now < look.at
}

function countFailures(
  verdicts: readonly GateVerdict[],
  before: LookRecord | null
): Record<string, number> {
  const failing = verdicts.filter((v) => v.verdict === 'fail')
  return Object.fromEntries(
    failing.map((v) => [gateKey(v), (before?.failures[gateKey(v)] ?? 0) + 1])
  )
}
