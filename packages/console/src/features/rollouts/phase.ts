import type { GateVerdict, Rollout, RolloutPhase } from '@trestle/contract'
import type { Tone } from '../../components/status-word.tsx'
import { inWords } from '../../lib/format.ts'

const TONES: Record<RolloutPhase, Tone> = {
  pending: 'idle',
  shadow: 'info',
  preview: 'info',
  canary: 'info',
  'ab-test': 'info',
  bandit: 'info',
  baking: 'info',
  holding: 'warn',
  paused: 'warn',
  promoting: 'info',
  promoted: 'ok',
  finishing: 'info',
  finished: 'ok',
  'rolling-back': 'bad',
  'rolled-back': 'bad',
  aborted: 'idle',
}

export const phaseTone = (phase: RolloutPhase): Tone => TONES[phase]

/** The phase in words, with what it waits for. */
export function sayPhase(rollout: Pick<Rollout, 'phase' | 'hold'>): string {
  return rollout.hold === null
    ? inWords(rollout.phase)
    : `${inWords(rollout.phase)}: ${inWords(rollout.hold)}`
}

const VERDICT_TONES: Record<GateVerdict['verdict'], Tone> = {
  pass: 'ok',
  fail: 'bad',
  insufficient: 'idle',
  error: 'warn',
  environment: 'warn',
}

export const verdictTone = (verdict: GateVerdict['verdict']): Tone => VERDICT_TONES[verdict]

/** What a gate is called: its metric, or the name that it was given. */
export const sayGate = (gate: Pick<GateVerdict, 'metric' | 'name'>): string =>
  gate.name ??
  inWords(gate.metric)
    .replace(/^nan /, 'NaN ')
    .replace(/^promql$/, 'PromQL')
