import type { ColumnReport, MonitorState } from '@trestle/contract'
import type { Tone } from '../../components/status-word.tsx'

const TONES: Record<MonitorState, Tone> = {
  waiting: 'idle',
  insufficient: 'idle',
  ok: 'ok',
  drift: 'bad',
  failed: 'warn',
}
export const monitorTone = (state: MonitorState): Tone => TONES[state]

/** What the state is called: no data is never called good. */
export const sayMonitorState = (state: MonitorState): string =>
  state === 'ok' ? 'no drift' : state === 'waiting' ? 'waiting for data' : state

export const columnTone = (state: ColumnReport['state']): Tone =>
  state === 'drift' ? 'bad' : state === 'ok' ? 'ok' : 'idle'
