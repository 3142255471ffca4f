import { createHash } from 'node:crypto'
import type { Clock } from '../../../../kernel/clock.ts'
import { isRecord } from '../../named-inputs.ts'
import type { LlmCall } from '../llm-call.ts'

/** Finds an answer that was given to a question with the same meaning. */
export interface SemanticCache {
  /** The key of the nearest question of the same circle, and how near it is; null when none is near enough. */
  nearest(
    circle: string,
    vector: Float32Array,
    threshold: number
  ): { key: string; similarity: number } | null
  remember(circle: string, vector: Float32Array, entry: { key: string; expiresAt: number }): void
}

/** Questions of one circle that are compared; of more, the oldest is forgotten. A scan of so many vectors takes about a millisecond. */
const MAX_QUESTIONS = 1_000
const MAX_CIRCLES = 200

type Question = { key: string; vector: Float32Array; expiresAt: number }

export function createSemanticCache(clock: Clock): SemanticCache {
  const circles = new Map<string, Question[]>()
  return {
    nearest(circle, vector, threshold) {
      const now = clock.now()
      let best: { key: string; similarity: number } | null = null
      for (const question of circles.get(circle) ?? []) {
        if (question.expiresAt <= now || question.vector.length !== vector.length) continue
        const similarity = dot(question.vector, vector)
        if (similarity >= threshold && similarity > (best?.similarity ?? -1))
          best = { key: question.key, similarity }
      }
      return best
    },
    remember(circle, vector, { key, expiresAt }) {
      const questions = circles.get(circle) ?? []
      circles.delete(circle)
      circles.set(circle, questions)
      questions.push({ key, vector, expiresAt })
      if (questions.length > MAX_QUESTIONS) questions.shift()
      for (const oldest of circles.keys()) {
        if (circles.size <= MAX_CIRCLES) break
        circles.delete(oldest)
      }
    },
  }
}

/** Scaled to length 1, so that a dot product is the cosine. Null for one without direction. */
export function unitVector(values: readonly number[]): Float32Array | null {
  const length = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0))
  return length > 0 && Number.isFinite(length) ? Float32Array.from(values, (v) => v / length) : null
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0)
  return sum
}

/**
 * What is asked last, which is compared by meaning, and the circle: all else of the call, which must be the same to the letter (what was said before,
 * settings, tools), with project, customer and variant.
 */
export function questionOf(
  call: LlmCall,
  exactKeyOf: (call: LlmCall) => string
): { question: string; circle: string } | null {
  const { messages } = call.body
  if (call.operation !== 'chat' && call.operation !== 'messages') return null
  if (!Array.isArray(messages)) return null
  const last: unknown = messages.at(-1)
  if (!isRecord(last) || last['role'] !== 'user') return null
  const { content } = last
  const question = typeof content === 'string' ? content : onlyText(content)
  if (question === null || question.trim() === '') return null
  const rest = { ...call.body, messages: [...(messages.slice(0, -1) as unknown[])] }
  return {
    question,
    circle: createHash('sha256')
      .update(exactKeyOf({ ...call, body: rest }))
      .digest('hex'),
  }
}

/** The words of a message without pictures or sounds; null for one with them. */
function onlyText(content: unknown): string | null {
  if (!Array.isArray(content)) return null
  const parts = content as unknown[]
  const texts = parts.map((part) =>
    isRecord(part) && typeof part['text'] === 'string' ? part['text'] : null
  )
  return texts.includes(null) ? null : texts.join('\n')
}
