import fc from 'fast-check'
import { expect, test } from 'vitest'
import { goalOf, type GoalInput } from './goal.ts'
import { planOf, type Plan } from './plan.ts'
import {
  hasEnded,
  initialState,
  isEnding,
  stageAt,
  type Decision,
  type RolloutEvent,
  type RolloutState,
} from './state.ts'
import { transition } from './transition.ts'

const canary = planOf({
  kind: 'canary',
  shadowFirst: { share: 0.5, dailyCapUsd: null, bakeMs: 1, minRequests: 1, needsApproval: false },
  steps: [
    { weightPercent: 5, bakeMs: 1, minRequests: 1, needsApproval: false },
    { weightPercent: 50, bakeMs: 1, minRequests: 1, needsApproval: true },
  ],
  finalBakeMs: 1,
})
const study = planOf({
  kind: 'shadow',
  share: 1,
  dailyCapUsd: null,
  bakeMs: 1,
  minRequests: 1,
  needsApproval: false,
  onPass: 'finish',
  finalBakeMs: 0,
})
const bandit = planOf({
  kind: 'bandit',
  goal: { kind: 'labels', minGain: 0 },
  startPercent: 10,
  minPercent: 5,
  adjustEveryMs: 0,
  minDurationMs: 1,
  minRequests: 1,
  onWin: 'promote',
  finalBakeMs: 1,
})
const abTest = planOf({
  kind: 'ab-test',
  weightPercent: 30,
  goal: { kind: 'labels', minGain: 0.01 },
  minDurationMs: 1,
  minRequests: 1,
  onWin: 'finish',
  finalBakeMs: 1,
})
const blueGreen = planOf({ kind: 'blue-green', previewMs: 1, needsApproval: true, finalBakeMs: 1 })

const reason = fc.constantFrom('because', 'evidence')
const decision: fc.Arbitrary<Decision> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('advance' as const), reason }) },
  fc.record({ kind: fc.constant('wait' as const), reason }),
  fc.record({ kind: fc.constant('roll-back' as const), reason }),
  fc.record({
    kind: fc.constant('hold' as const),
    cause: fc.constantFrom(
      'insufficient' as const,
      'environment' as const,
      'evidence-unavailable' as const,
      'approval' as const,
      'freeze-window' as const,
      'deadline' as const
    ),
    reason,
  }),
  fc.record({
    kind: fc.constant('reweight' as const),
    basisPoints: fc.integer({ min: -5_000, max: 20_000 }),
    reason,
  })
)
/** Any event at any time: duplicates, events that come too late, and a clock that jumps both ways. */
const event: fc.Arbitrary<RolloutEvent> = fc.integer({ min: 0, max: 10_000 }).chain((at) =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constant<RolloutEvent>({ kind: 'candidate-ready', at }) },
    { weight: 5, arbitrary: fc.constant<RolloutEvent>({ kind: 'traffic-applied', at }) },
    {
      weight: 8,
      arbitrary: fc
        .record({ step: fc.integer({ min: 0, max: 3 }), decision })
        .map((look): RolloutEvent => ({ kind: 'looked', at, ...look })),
    },
    fc.constant<RolloutEvent>({ kind: 'settled', at }),
    fc.constant<RolloutEvent>({ kind: 'frozen', at, reason: 'Christmas' }),
    fc.constant<RolloutEvent>({ kind: 'endpoint-gone', at }),
    fc.constant<RolloutEvent>({ kind: 'replaced', at, by: 'rol_2' }),
    fc.constant<RolloutEvent>({ kind: 'deadline-passed', at }),
    fc.constant<RolloutEvent>({ kind: 'candidate-failed', at, error: 'died' }),
    fc.constant<RolloutEvent>({ kind: 'breaker-tripped', at, reason: '60 of 100 failed' }),
    fc.constantFrom<RolloutEvent>(
      { kind: 'alerted', at, ending: 'aborted', reason: 'drift' },
      { kind: 'alerted', at, ending: 'rolled-back', reason: 'drift' }
    ),
    fc
      .constantFrom(
        'pause' as const,
        'resume' as const,
        'promote' as const,
        'abort' as const,
        'approve' as const
      )
      .map((action): RolloutEvent => ({ kind: 'human', action, at, note: '' }))
  )
)

const input = (plan: Plan, state: RolloutState): GoalInput => ({
  id: 'rol_1',
  state,
  plan,
  candidate: 'new',
  before: { salt: 's', weights: [{ variant: 'old', basisPoints: 10_000 }], shadows: [] },
  candidateWasThere: false,
})
const weightOf = (plan: Plan, state: RolloutState): number =>
  goalOf(input(plan, state)).traffic.weights.find((w) => w.variant === 'new')?.basisPoints ?? 0

test('whatever happens: no weight above the step, no step skipped, no promotion without a pass or a person, always a stated reason', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(canary, study, blueGreen, bandit, abTest),
      fc.array(event, { maxLength: 60 }),
      (plan, events) => {
        let state = initialState(0, 5_000)
        let mayPromote = false
        for (const next of events) {
          const outcome = transition(state, next, plan)
          if (outcome.kind !== 'moved') continue
          const before = state
          state = outcome.state
          expect(state.reason).not.toBe('')

          const isPass = next.kind === 'looked' && next.decision.kind === 'advance'
          const isPerson = next.kind === 'human' && next.action === 'promote'
          if (state.step !== before.step) {
            // Forward by one, on a pass of the stage that was live; or by a person.
            expect(
              isPerson || (isPass && state.step === before.step + 1 && before.appliedAt !== null)
            ).toBe(true)
          }
          if (state.phase === 'promoting' && before.phase !== 'promoting') {
            expect(isPerson || (isPass && before.step === plan.stages.length - 1)).toBe(true)
            mayPromote = true
          }
          if (state.phase === 'promoted') expect(mayPromote).toBe(true)

          const allowed =
            state.phase === 'promoting' || state.phase === 'promoted'
              ? 10_000
              : (stageAt(plan, state.step).moves?.most ?? stageAt(plan, state.step).basisPoints)
          expect(state.deadlineAt).toBeGreaterThanOrEqual(before.deadlineAt)
          expect(weightOf(plan, state)).toBeLessThanOrEqual(allowed)
          if (state.phase === 'pending' || isGoingBack(state)) expect(weightOf(plan, state)).toBe(0)
          if (state.phase === 'holding') expect(state.hold).not.toBeNull()
          else expect(state.hold).toBeNull()
          if (plan === study) expect(weightOf(plan, state)).toBe(0)
          if (plan.onPass === 'finish') expect(state.phase).not.toBe('promoting')
          if (state.share !== null) expect(stageAt(plan, state.step).moves).not.toBeNull()
        }
      }
    ),
    { numRuns: 2_000, seed: 7 }
  )
})

test('from anywhere harm takes the weight away at once, whatever people or evidence said before', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40 }), (events) => {
      let state = initialState(0, 5_000)
      for (const next of events) {
        const outcome = transition(state, next, canary)
        if (outcome.kind === 'moved') state = outcome.state
      }
      if (hasEnded(state.phase) || state.phase === 'pending' || isEnding(state.phase)) return
      for (const harm of [
        { kind: 'breaker-tripped', at: 9, reason: 'gross' },
        { kind: 'candidate-failed', at: 9, error: 'died' },
      ] as const) {
        const outcome = transition(state, harm, canary)
        expect(outcome).toMatchObject({ kind: 'moved', state: { phase: 'rolling-back' } })
        if (outcome.kind === 'moved') expect(weightOf(canary, outcome.state)).toBe(0)
      }
    }),
    { numRuns: 1_000, seed: 8 }
  )
})

test('once ended a rollout stays ended, but for the return of a promoted one by a person or an alert', () => {
  for (const phase of ['finished', 'rolled-back', 'aborted', 'promoted'] as const) {
    const state: RolloutState = { ...initialState(0, 1), phase, endedAt: 1 }
    fc.assert(
      fc.property(event, (next) => {
        const outcome = transition(state, next, canary)
        const asksBack =
          (next.kind === 'human' && next.action === 'abort') ||
          (next.kind === 'alerted' && next.ending === 'rolled-back')
        const isReturn = phase === 'promoted' && asksBack
        expect(outcome.kind === 'moved').toBe(isReturn)
      }),
      { numRuns: 300, seed: 9 }
    )
  }
})

test('time in a pause does not count against the deadline, and a frozen one is granted anew', () => {
  const state: RolloutState = { ...initialState(0, 5_000), phase: 'canary', step: 1, appliedAt: 10 }
  const paused = transition(state, { kind: 'human', action: 'pause', at: 100, note: '' }, canary)
  if (paused.kind !== 'moved') throw new Error('not paused')
  const resumed = transition(
    paused.state,
    { kind: 'human', action: 'resume', at: 1_100, note: '' },
    canary
  )
  expect(resumed).toMatchObject({ state: { phase: 'canary', deadlineAt: 6_000 } })
  const frozen: RolloutState = { ...state, phase: 'holding', hold: 'deadline' }
  expect(
    transition(frozen, { kind: 'human', action: 'resume', at: 9_000, note: '' }, canary)
  ).toMatchObject({ state: { phase: 'canary', deadlineAt: 14_000 } })
})

const isGoingBack = (state: RolloutState): boolean =>
  ['rolling-back', 'rolled-back', 'aborted', 'finishing', 'finished'].includes(state.phase)
