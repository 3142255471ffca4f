import type { Endpoint } from '@trestle/contract'
import type { Tone } from '../../components/status-word.tsx'

/** The worst state among the variants, in a word. */
export function endpointHealth({ variants }: Pick<Endpoint, 'variants'>): {
  tone: Tone
  word: string
} {
  if (variants.length === 0) return { tone: 'idle', word: 'no variant' }
  if (variants.some((v) => v.state === 'failed')) return { tone: 'bad', word: 'a variant failed' }
  if (variants.some((v) => v.state === 'loading')) return { tone: 'warn', word: 'loading' }
  if (variants.some((v) => v.state === 'unloaded')) return { tone: 'idle', word: 'unloaded' }
  return { tone: 'ok', word: 'ready' }
}
