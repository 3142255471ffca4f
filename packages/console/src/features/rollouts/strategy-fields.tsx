import { Checkbox, NumberInput, TextInput } from '@mantine/core'
import { STRATEGIES, stepsOf, type StrategyDraft, type StrategyKind } from './strategy-draft.ts'

type Fields = Readonly<{ draft: StrategyDraft; onChange: (draft: StrategyDraft) => void }>

/** Which strategy, as cards, and below them what there is to say about the chosen one. */
export function StrategyFields({ draft, onChange }: Fields) {
  return (
    <>
      <div className="choices" role="radiogroup" aria-label="Strategy">
        {STRATEGIES.map(({ kind, label, says }) => (
          <button
            key={kind}
            type="button"
            role="radio"
            aria-checked={draft.kind === kind}
            className="choice"
            onClick={() => onChange({ ...draft, kind, percent: PERCENT[kind] ?? draft.percent })}
          >
            <b>{label}</b>
            <span>{says}</span>
          </button>
        ))}
      </div>
      <Details draft={draft} onChange={onChange} />
    </>
  )
}

const PERCENT: Partial<Record<StrategyKind, number>> = { linear: 10, 'ab-test': 50, bandit: 10 }

const MINUTES: Partial<Record<StrategyKind, string>> = {
  canary: 'Minutes per step, at least',
  linear: 'Minutes per step',
  shadow: 'Minutes, at least',
  'blue-green': 'Minutes of preview',
  'all-at-once': 'Minutes of baking',
  'ab-test': 'Minutes, at least',
  bandit: 'Minutes, at least',
}
const PERCENT_LABEL: Partial<Record<StrategyKind, string>> = {
  linear: 'More at each step, in %',
  'ab-test': 'The new variant gets, in %',
  bandit: 'It begins with, in %',
}
const COUNTS: readonly StrategyKind[] = ['canary', 'linear', 'shadow', 'ab-test', 'bandit']
const APPROVALS: readonly StrategyKind[] = ['canary', 'shadow', 'blue-green']

function Details({ draft, onChange }: Fields) {
  const { kind } = draft
  const set = (change: Partial<StrategyDraft>) => onChange({ ...draft, ...change })
  const minutes = MINUTES[kind]
  const percent = PERCENT_LABEL[kind]
  const steps = stepsOf(draft.steps)
  const isSplit = kind === 'ab-test' || kind === 'bandit'
  if (minutes === undefined) return null
  return (
    <div className="field-row">
      {kind === 'canary' ? (
        <TextInput
          label="Steps, in %"
          value={draft.steps}
          error={typeof steps === 'string' ? steps : null}
          onChange={(event) => set({ steps: event.currentTarget.value })}
        />
      ) : null}
      {percent === undefined ? null : (
        <NumberInput
          label={percent}
          min={1}
          max={kind === 'linear' ? 50 : 99}
          value={draft.percent}
          onChange={(value) => set({ percent: Number(value) })}
        />
      )}
      {isSplit ? (
        <TextInput
          label="The winner is better in"
          description="labels, or a business metric you push"
          value={draft.goal}
          onChange={(event) => set({ goal: event.currentTarget.value })}
        />
      ) : null}
      <NumberInput
        label={minutes}
        min={0}
        value={draft.minutes}
        onChange={(value) => set({ minutes: Number(value) })}
      />
      {COUNTS.includes(kind) ? (
        <NumberInput
          label="Requests, at least"
          min={1}
          value={draft.minRequests}
          onChange={(value) => set({ minRequests: Number(value) })}
        />
      ) : null}
      {kind === 'shadow' ? (
        <NumberInput
          label="Dollars a day, at most"
          placeholder="no cap"
          min={0}
          value={draft.dailyCapUsd ?? ''}
          onChange={(value) => set({ dailyCapUsd: value === '' ? null : Number(value) })}
        />
      ) : null}
      {APPROVALS.includes(kind) ? (
        <Checkbox
          label="A person approves each step"
          checked={draft.needsApproval}
          onChange={(event) => set({ needsApproval: event.currentTarget.checked })}
        />
      ) : null}
      {isSplit && draft.goal.trim() !== 'labels' ? (
        <Checkbox
          label="More of it is better"
          checked={draft.isMoreBetter}
          onChange={(event) => set({ isMoreBetter: event.currentTarget.checked })}
        />
      ) : null}
    </div>
  )
}
