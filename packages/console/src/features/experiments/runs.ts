import type { WireRun } from '@trestle/contract'
import type { Tone } from '../../components/status-word.tsx'

export const metricsOf = (run: WireRun): ReadonlyMap<string, number> =>
  new Map((run.data.metrics ?? []).map((m) => [m.key, Number(m.value)]))

export const paramsOf = (run: WireRun): ReadonlyMap<string, string> =>
  new Map((run.data.params ?? []).map((p) => [p.key, p.value]))

const TONES: Record<WireRun['info']['status'], Tone> = {
  RUNNING: 'info',
  SCHEDULED: 'idle',
  FINISHED: 'ok',
  FAILED: 'bad',
  KILLED: 'warn',
}
export const runTone = (status: WireRun['info']['status']): Tone => TONES[status]

/** Keys of several maps, in order, each once. */
export const keysOf = (maps: readonly ReadonlyMap<string, unknown>[]): string[] =>
  [...new Set(maps.flatMap((map) => [...map.keys()]))].toSorted()
