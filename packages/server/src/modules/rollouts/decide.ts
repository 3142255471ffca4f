import { gateKey, type GateVerdict } from '@trestle/contract'
import { duration } from './gates/words.ts'
import type { Stage } from './plan.ts'
import type { Decision } from './state.ts'

export type DecisionInput = Readonly<{
  now: number
  stage: Stage
  appliedAt: number
  /** Null while a person has paused the rollout. */
  deadlineAt: number | null
  onInsufficient: 'roll-back' | 'freeze'
  verdicts: readonly GateVerdict[]
  /** Requests of the new variant in this stage; null when they could not be read. */
  requests: number | null
  /** For how many looks in a row each gate has failed, this one included. */
  failures: ReadonlyMap<string, number>
  failureLimit: number
  /** For how many looks in a row some source was away, this one included. */
  looksWithoutEvidence: number
  /** The circuit breaker sees both arms fail at this moment. */
  isEnvironmentFailing: boolean
  isApproved: boolean
  /** What forbids a step forward now, in words; null when nothing does. */
  freeze: string | null
}>

const LOOKS_WITHOUT_EVIDENCE = 3

/**
 * What one look leads to. Certain harm goes first, so that neither a pause, a missing approval nor the deadline delays a rollback; a promotion comes
 * last, after everything that could speak against it. Nothing here promotes on missing evidence.
 */
export function decide(input: DecisionInput): Decision {
  return (
    onHarm(input) ??
    onFreeze(input) ??
    onEnvironment(input) ??
    onDeadline(input) ??
    onMissingSource(input) ??
    onWrongSplit(input) ??
    onOpenQuestions(input) ??
    onApproval(input) ?? {
      kind: 'advance',
      reason:
        input.verdicts.length === 0
          ? 'The bake time is over and nothing went wrong'
          : `Every gate passes: ${input.verdicts.map((v) => v.sentence).join('; ')}`,
    }
  )
}

type Rule = (input: DecisionInput) => Decision | null

/** Both arms bad: not the new variant's fault, so neither forward nor back. The deadline ends it. */
const onEnvironment: Rule = (input) => {
  const verdict = input.verdicts.find((v) => v.verdict === 'environment')
  if (verdict === undefined && !input.isEnvironmentFailing) return null
  return (
    onDeadline(input) ?? {
      kind: 'hold',
      cause: 'environment',
      reason:
        verdict?.sentence ??
        'Most requests of both variants fail: the environment, not the new variant',
    }
  )
}

const onHarm: Rule = ({ verdicts, failures, failureLimit }) => {
  const failing = verdicts.filter((v) => v.verdict === 'fail' && v.metric !== 'sample-ratio')
  const critical = failing.find((v) => v.isCritical)
  if (critical !== undefined) return { kind: 'roll-back', reason: critical.sentence }
  const lasting = failing.find((v) => (failures.get(gateKey(v)) ?? 0) >= failureLimit)
  if (lasting !== undefined)
    return { kind: 'roll-back', reason: `${lasting.sentence}, ${failureLimit} looks in a row` }
  return null
}

/** Neither forward nor, for want of evidence, back: the deadline waits too. */
const onFreeze: Rule = ({ freeze }) =>
  freeze === null ? null : { kind: 'hold', cause: 'freeze-window', reason: freeze }

const onDeadline: Rule = ({ now, deadlineAt, onInsufficient, verdicts }) => {
  if (deadlineAt === null || now < deadlineAt) return null
  const open = verdicts.filter((v) => v.verdict !== 'pass').map((v) => v.sentence)
  const reason = `The deadline passed before the gates did${open.length === 0 ? '' : `: ${open.join('; ')}`}`
  return onInsufficient === 'freeze'
    ? { kind: 'hold', cause: 'deadline', reason }
    : { kind: 'roll-back', reason }
}

const onMissingSource: Rule = ({ verdicts, requests, looksWithoutEvidence }) => {
  const away = verdicts.find((v) => v.verdict === 'error')
  if (away === undefined && requests !== null) return null
  const reason = away?.sentence ?? 'The requests of the new variant could not be counted'
  return looksWithoutEvidence < LOOKS_WITHOUT_EVIDENCE
    ? { kind: 'wait', reason }
    : { kind: 'hold', cause: 'evidence-unavailable', reason }
}

const onWrongSplit: Rule = ({ verdicts }) => {
  const wrong = verdicts.find((v) => v.metric === 'sample-ratio' && v.verdict === 'fail')
  return wrong === undefined
    ? null
    : { kind: 'hold', cause: 'sample-ratio', reason: wrong.sentence }
}

const onOpenQuestions: Rule = ({ now, appliedAt, stage, verdicts, requests }) => {
  const bakedMs = now - appliedAt
  if (bakedMs < stage.bakeMs)
    return { kind: 'wait', reason: `Baking for ${duration(stage.bakeMs - bakedMs)} more` }
  const failing = verdicts.find((v) => v.verdict === 'fail')
  if (failing !== undefined)
    return { kind: 'hold', cause: 'gate-failing', reason: failing.sentence }
  const seen = requests ?? 0
  if (seen < stage.minRequests)
    return {
      kind: 'hold',
      cause: 'insufficient',
      reason: `${seen} of ${stage.minRequests} requests that this step needs`,
    }
  const open = verdicts.find((v) => v.verdict === 'insufficient')
  if (open === undefined) return null
  return { kind: 'hold', cause: 'insufficient', reason: `${open.sentence}${forecast(open)}` }
}

function forecast({ missing }: GateVerdict): string {
  if (missing === null) return ''
  const time =
    missing.expectedMs === null ? '' : `, expected in ${duration(missing.expectedMs)} at this rate`
  return ` (missing: ${missing.why}${time})`
}

const onApproval: Rule = ({ stage, isApproved }) =>
  stage.needsApproval && !isApproved
    ? {
        kind: 'hold',
        cause: 'approval',
        reason: 'The gates pass; a person has to approve this step',
      }
    : null
