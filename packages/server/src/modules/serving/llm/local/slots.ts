import type { LlamaSequence } from './binding.ts'
import { Refusal } from './prompt-of-chat.ts'

const MAX_WAITING = 256

/** Sequences for the calls under way; other calls wait in line, and more than a full line is refused. The one used last goes first: it may know the prompt. */
export function createSlots(sequences: readonly LlamaSequence[]) {
  const free = [...sequences]
  const line: ((sequence: LlamaSequence) => void)[] = []
  return {
    async take(): Promise<LlamaSequence> {
      const known = free.pop()
      if (known !== undefined) return known
      if (line.length >= MAX_WAITING)
        throw new Refusal('Too many calls wait for this model; try again soon', 503, 'overloaded')
      return new Promise((resolve) => line.push(resolve))
    },
    giveBack(sequence: LlamaSequence): void {
      const next = line.shift()
      if (next === undefined) free.push(sequence)
      else next(sequence)
    },
  }
}
