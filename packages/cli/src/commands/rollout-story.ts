import { gateKey, type GateVerdict, type Rollout, type RolloutTransition } from '@trestle/contract'
import { showDuration } from '../parse/duration.ts'

/** A rollout as a story: what it is, what happened, where it stands. */
export function tellRollout(rollout: Rollout & { timeline: readonly RolloutTransition[] }): string {
  const { strategy } = rollout
  return [
    `${rollout.id}: ${rollout.model.name}/${rollout.model.version} as ${rollout.candidate} beside ${rollout.baseline} on ${rollout.endpoint}`,
    `strategy ${strategy.kind === 'preset' ? strategy.preset : strategy.kind}, started by ${rollout.createdBy}, gates: ${rollout.gates.map(gateKey).join(', ') || 'none'}`,
    '',
    ...rollout.timeline.map((one) => tellTransition(one, rollout.createdAt)),
    '',
    ...tellNow(rollout),
  ].join('\n')
}

/** One step of the timeline; verdicts are indented below it. */
export function tellTransition(one: RolloutTransition, startedAt: number): string {
  const { candidatePercent, shadowShare } = one.weights
  const shadow = shadowShare > 0 ? ` + shadow ${shadowShare}` : ''
  const head = [
    clockTime(one.at),
    `+${showDuration(Math.max(0, one.at - startedAt))}`.padEnd(7),
    one.to.padEnd(12),
    `${candidatePercent}%${shadow}`.padStart(5),
    one.reason + (one.actor === 'rollout-controller' ? '' : ` (${one.actor})`),
  ].join('  ')
  return [head, ...one.verdicts.map(tellVerdict)].join('\n')
}

const tellVerdict = ({ verdict, sentence, isCritical }: GateVerdict): string =>
  `            ${verdict.padEnd(12)}  ${sentence}${isCritical ? ' (critical)' : ''}`

function tellNow(rollout: Rollout): string[] {
  const hold = rollout.hold === null ? '' : ` (${rollout.hold})`
  const now = `Now ${rollout.phase}${hold}: ${rollout.reason}`
  const look = rollout.isActive ? (rollout.look?.verdicts ?? []).map(tellVerdict) : []
  const trouble = rollout.trouble === null ? [] : [`Trouble: ${rollout.trouble}`]
  return [now, ...look, ...trouble]
}

function clockTime(at: number): string {
  return new Date(at).toTimeString().slice(0, 8)
}
