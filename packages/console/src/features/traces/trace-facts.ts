import type { WireTrace } from '@trestle/contract'
import type { Tone } from '../../components/status-word.tsx'

export const TRACE_STATE: Readonly<Record<WireTrace['state'], { tone: Tone; word: string }>> = {
  OK: { tone: 'ok', word: 'ok' },
  ERROR: { tone: 'bad', word: 'failed' },
  IN_PROGRESS: { tone: 'info', word: 'running' },
  STATE_UNSPECIFIED: { tone: 'idle', word: 'unknown' },
}

export const nameOf = (trace: WireTrace): string =>
  trace.tags?.['mlflow.traceName'] ?? trace.trace_id

/** Milliseconds; null while it runs. */
export const tookOf = (trace: WireTrace): number | null =>
  trace.execution_duration === undefined
    ? null
    : Number(trace.execution_duration.replace(/s$/, '')) * 1_000

/** Tokens of all its calls; null when none told. */
export function tokensOf(trace: WireTrace): number | null {
  try {
    const usage: unknown = JSON.parse(trace.trace_metadata?.['mlflow.trace.tokenUsage'] ?? 'null')
    const total =
      typeof usage === 'object' && usage !== null && 'total_tokens' in usage
        ? usage.total_tokens
        : null
    return typeof total === 'number' ? total : null
  } catch {
    return null // written by the client, so it may be anything
  }
}
