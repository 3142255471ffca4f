import { createHash } from 'node:crypto'
import type { ResponseCache } from '@trestle/contract'
import { toBytes } from './protocols/oip/tensor-codec.ts'
import type { Tensor } from './tensor.ts'

/**
 * Answers of one variant by what was asked, within a number of bytes and a time; the one used longest ago goes first. It lives and dies with its
 * variant, whose model never changes, so no version ever gives the answer of another.
 */
export interface AnswerCache {
  get(key: string): readonly Tensor[] | null
  put(key: string, outputs: readonly Tensor[]): void
  readonly bytes: number
}

type Kept = Readonly<{ outputs: readonly Tensor[]; bytes: number; until: number }>

/** What an entry costs beside its numbers. */
const ENTRY_BYTES = 512

export function createAnswerCache(
  { maxBytes, ttlMs }: ResponseCache,
  now: () => number
): AnswerCache {
  const kept = new Map<string, Kept>()
  let held = 0
  const drop = (key: string): void => {
    held -= kept.get(key)?.bytes ?? 0
    kept.delete(key)
  }
  const add = (key: string, entry: Kept): void => {
    kept.set(key, entry)
    held += entry.bytes
  }
  return {
    get(key) {
      const entry = kept.get(key)
      if (entry === undefined) return null
      drop(key)
      if (entry.until <= now()) return null
      add(key, entry)
      return entry.outputs
    },
    put(key, outputs) {
      const bytes = outputs.reduce((sum, tensor) => sum + sizeOf(tensor), ENTRY_BYTES)
      if (bytes > maxBytes) return
      drop(key)
      // A row of a batch is a view of the whole batch's memory, which it would hold on to.
      add(key, { outputs: outputs.map(copyOf), bytes, until: now() + ttlMs })
      for (const oldest of kept.keys()) {
        if (held <= maxBytes) break
        drop(oldest)
      }
    },
    get bytes() {
      return held
    },
  }
}

/** The same for the same tensors, to the last bit, and for no others. */
export function contentKey(inputs: readonly Tensor[]): string {
  const hash = createHash('sha256')
  for (const tensor of inputs) {
    const bytes = toBytes(tensor)
    hash.update(JSON.stringify([tensor.name, tensor.datatype, tensor.shape, bytes.byteLength]))
    hash.update(bytes)
  }
  return hash.digest('base64')
}

const sizeOf = ({ data }: Tensor): number =>
  ArrayBuffer.isView(data) ? data.byteLength : data.reduce((sum, text) => sum + 2 * text.length, 0)

const copyOf = (tensor: Tensor): Tensor => ({ ...tensor, data: tensor.data.slice() })
