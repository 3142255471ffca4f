import type { LlmSpec } from '@trestle/contract'
import type { Clock } from '../../../../kernel/clock.ts'
import type { LlmCall } from '../llm-call.ts'
import { cacheKey, createResponseCache, type CachedAnswer } from './response-cache.ts'
import { createSemanticCache, questionOf, unitVector } from './semantic-cache.ts'

export type CacheHit = Readonly<{
  answer: CachedAnswer
  kind: 'exact' | 'semantic'
  similarity: number | null
}>

/** What the cache says of a call, and where its answer goes when there is none. */
export type CacheLookup = Readonly<{
  hit: CacheHit | null
  store: (contentType: string, body: Buffer) => void
}>

type Variant = Readonly<{ endpointId: string; name: string; addedAt: number }>

/** Answers from a cache what was asked before: to the letter, or by meaning where the variant says so. */
export function createCallCache(deps: {
  clock: Clock
  /** The embedding of a text by an endpoint of the same project; null when it gives none. */
  embed: (call: LlmCall, endpoint: string, text: string) => Promise<readonly number[] | null>
}) {
  const { clock } = deps
  const answers = createResponseCache(clock)
  const questions = createSemanticCache(clock)

  return {
    async lookup(
      call: LlmCall,
      variant: Variant,
      settings: NonNullable<LlmSpec['cache']>
    ): Promise<CacheLookup> {
      const keyOf = (of: LlmCall): string => cacheKey(of, variant)
      const key = keyOf(call)
      const directive = call.header('cache-control') ?? ''
      const mayRead = !/no-cache|no-store/.test(directive)
      const mayStore = !directive.includes('no-store')
      const exact = mayRead ? answers.get(key) : null
      if (exact !== null)
        return { hit: { answer: exact, kind: 'exact', similarity: null }, store: () => undefined }

      const asked = settings.semantic === null ? null : questionOf(call, keyOf)
      let vector: Float32Array | null = null
      if (asked !== null && settings.semantic !== null) {
        // Without an embedding the call is made like any other: a cache must not cost an answer.
        const values = await deps
          .embed(call, settings.semantic.endpoint, asked.question)
          .catch(() => null)
        vector = values === null ? null : unitVector(values)
        const near =
          vector === null || !mayRead
            ? null
            : questions.nearest(asked.circle, vector, settings.semantic.threshold)
        const answer = near === null ? null : answers.get(near.key)
        if (answer !== null && near !== null)
          return {
            hit: { answer, kind: 'semantic', similarity: near.similarity },
            store: () => undefined,
          }
      }
      return {
        hit: null,
        store(contentType, body) {
          if (!mayStore) return
          const storedAt = clock.now()
          const expiresAt = storedAt + settings.ttlSeconds * 1_000
          answers.put(key, { contentType, body, storedAt, expiresAt })
          if (asked !== null && vector !== null)
            questions.remember(asked.circle, vector, { key, expiresAt })
        },
      }
    },
  }
}
