import { createHash } from 'node:crypto'
import type { Clock } from '../../../../kernel/clock.ts'
import type { LlmCall } from '../llm-call.ts'

/** An answer that went out, as bytes. */
export type CachedAnswer = Readonly<{
  contentType: string
  body: Buffer
  storedAt: number
  expiresAt: number
}>

/** Answers kept in the memory of this process, up to a number of bytes; the longest unused goes first. */
export interface ResponseCache {
  get(key: string): CachedAnswer | null
  put(key: string, answer: CachedAnswer): void
}

const MAX_BYTES = 64 * 1024 * 1024
/** One answer that is larger is not kept. */
export const MAX_ANSWER_BYTES = 1024 * 1024

export function createResponseCache(clock: Clock, maxBytes = MAX_BYTES): ResponseCache {
  const answers = new Map<string, CachedAnswer>()
  let bytes = 0
  const drop = (key: string): void => {
    bytes -= answers.get(key)?.body.length ?? 0
    answers.delete(key)
  }
  return {
    get(key) {
      const answer = answers.get(key)
      if (answer === undefined) return null
      drop(key)
      if (answer.expiresAt <= clock.now()) return null
      answers.set(key, answer)
      bytes += answer.body.length
      return answer
    },
    put(key, answer) {
      if (answer.body.length > MAX_ANSWER_BYTES) return
      drop(key)
      answers.set(key, answer)
      bytes += answer.body.length
      for (const oldest of answers.keys()) {
        if (bytes <= maxBytes) break
        drop(oldest)
      }
    },
  }
}

/**
 * What two calls must share to share an answer: the project, the customer's tag, the variant as it was set up, the protocol, and everything that was
 * asked, whatever the order of its members. A caller of another project or customer never gets what was said to this one.
 */
export function cacheKey(
  call: LlmCall,
  variant: { endpointId: string; name: string; addedAt: number }
): string {
  return createHash('sha256')
    .update(
      JSON.stringify([
        call.project,
        call.tag,
        variant.endpointId,
        variant.name,
        variant.addedAt,
        call.operation,
        call.wire,
      ])
    )
    .update(canonical(call.body, 'model'))
    .digest('hex')
}

/** JSON with members in order; `without` leaves a member of the top level out. */
function canonical(value: unknown, without: string | null = null): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonical(item)).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value)
    .filter(([name]) => name !== without)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `{${members.map(([name, item]) => `${JSON.stringify(name)}:${canonical(item)}`).join(',')}}`
}
