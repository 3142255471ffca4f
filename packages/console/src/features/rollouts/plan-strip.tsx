import type { Rollout, RolloutStage } from '@trestle/contract'
import { formatDuration, formatShare, inWords } from '../../lib/format.ts'

/** The steps of a rollout in a row: what is behind it, where it stands, what is ahead. */
export function PlanStrip({ rollout }: { rollout: Rollout }) {
  const end = endOf(rollout)
  return (
    <ol className="plan" aria-label="Steps">
      {rollout.stages.map((stage, i) => (
        <li key={i} data-state={stateOf(rollout, i)}>
          <span className="plan-weight">{sayWeight(stage)}</span>
          <b>{inWords(stage.kind)}</b>
          <span className="faint">{sayTerms(stage)}</span>
        </li>
      ))}
      <li data-state={end.state}>
        <span className="plan-weight">{end.mark}</span>
        <b>{end.word}</b>
        <span className="faint">{end.says}</span>
      </li>
    </ol>
  )
}

type StepState = 'done' | 'now' | 'stopped' | 'ahead'

function stateOf({ phase, step, isActive }: Rollout, i: number): StepState {
  const isThrough = ['promoting', 'promoted', 'finishing', 'finished'].includes(phase)
  if (isThrough || i < step) return 'done'
  if (i > step) return 'ahead'
  if (phase === 'pending') return 'ahead'
  return isActive && phase !== 'rolling-back' ? 'now' : 'stopped'
}

function endOf({ phase, candidate, baseline, promoteAlias, promoteStage }: Rollout): {
  state: StepState
  mark: string
  word: string
  says: string
} {
  const moves = [
    promoteAlias === null ? '' : `@${promoteAlias}`,
    promoteStage === null ? '' : `stage ${promoteStage}`,
  ].filter((part) => part !== '')
  const then = moves.length === 0 ? `${candidate} stays` : `${moves.join(', ')} moves`
  switch (phase) {
    case 'promoted':
    case 'finished':
      return { state: 'done', mark: '✓', word: inWords(phase), says: then }
    case 'rolled-back':
    case 'rolling-back':
    case 'aborted':
      return { state: 'stopped', mark: '↩', word: inWords(phase), says: `${baseline} answers` }
    case 'pending':
    case 'shadow':
    case 'preview':
    case 'canary':
    case 'ab-test':
    case 'bandit':
    case 'baking':
    case 'holding':
    case 'paused':
    case 'promoting':
    case 'finishing':
      return { state: 'ahead', mark: '✓', word: 'end', says: then }
  }
}

const sayWeight = (stage: RolloutStage): string =>
  stage.kind === 'shadow'
    ? `copies ${formatShare(stage.shadowShare)}`
    : formatShare(stage.candidatePercent / 100)

function sayTerms({ bakeMs, minRequests, needsApproval, dailyCapUsd }: RolloutStage): string {
  return [
    bakeMs === 0 ? '' : `≥ ${formatDuration(bakeMs)}`,
    minRequests <= 1 ? '' : `≥ ${minRequests.toLocaleString('en')} requests`,
    needsApproval ? 'approval' : '',
    dailyCapUsd === null ? '' : `≤ $${dailyCapUsd} a day`,
  ]
    .filter((part) => part !== '')
    .join(' · ')
}
