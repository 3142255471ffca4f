import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

type Collect = (options: { type: 'minor' }) => void
let collect: Collect | null = null

/**
 * Frees the buffers of a batch that is done: they lie outside the heap, which hardly grows meanwhile, so that nothing else has it collected. What is young
 * alone is looked at, which takes a millisecond.
 */
export function collectBuffers(): void {
  if (collect === null) {
    setFlagsFromString('--expose-gc')
    collect = runInNewContext('gc') as Collect
  }
  collect({ type: 'minor' })
}
