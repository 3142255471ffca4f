import type { SpanRow } from './trace-records.ts'

/** Tokens of a language model, as MLflow writes them in a trace's metadata. */
export type TokenUsage = Readonly<{
  input_tokens: number
  output_tokens: number
  total_tokens: number
}>

export type UsageSpan = Pick<SpanRow, 'span_id' | 'parent_id' | 'attributes'>

const TOLD = /"(?:mlflow\.chat\.tokenUsage|gen_ai\.usage\.(?:input|output)_tokens)":/

/** Whether any of the spans tells of tokens. */
export const tellsUsage = (spans: readonly UsageSpan[]): boolean =>
  spans.some((span) => TOLD.test(span.attributes))

/**
 * Tokens of a whole trace. A span that tells its own usage speaks for what is below it, as wrappers of a model report their sum:
 * otherwise a call and its wrapper would count twice.
 */
export function usageOf(spans: readonly UsageSpan[]): TokenUsage | null {
  const own = new Map(spans.map((span) => [span.span_id, usageOfSpan(span)]))
  const parents = new Map(spans.map((span) => [span.span_id, span.parent_id]))
  const isCovered = (parent: string | null): boolean => {
    const seen = new Set<string>()
    for (let id = parent; id !== null && !seen.has(id); id = parents.get(id) ?? null) {
      if ((own.get(id) ?? null) !== null) return true
      seen.add(id)
    }
    return false
  }
  const counted = spans.flatMap((span) => {
    const usage = own.get(span.span_id) ?? null
    return usage === null || isCovered(span.parent_id) ? [] : [usage]
  })
  if (counted.length === 0) return null
  const sum = (key: keyof TokenUsage) => counted.reduce((total, usage) => total + usage[key], 0)
  return {
    input_tokens: sum('input_tokens'),
    output_tokens: sum('output_tokens'),
    total_tokens: sum('total_tokens'),
  }
}

/** `mlflow.chat.tokenUsage`, or OpenTelemetry's `gen_ai.usage.*`. */
function usageOfSpan(span: UsageSpan): TokenUsage | null {
  const given = readObject(span.attributes)
  const chat = readObject(given['mlflow.chat.tokenUsage'])
  const input = count(chat['input_tokens'] ?? given['gen_ai.usage.input_tokens'])
  const output = count(chat['output_tokens'] ?? given['gen_ai.usage.output_tokens'])
  if (input === null && output === null) return null
  const total = count(chat['total_tokens']) ?? (input ?? 0) + (output ?? 0)
  return { input_tokens: input ?? 0, output_tokens: output ?? 0, total_tokens: total }
}

function readObject(text: unknown): Record<string, unknown> {
  if (typeof text !== 'string') return {}
  try {
    const parsed: unknown = JSON.parse(text)
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : {} // only read
  } catch {
    return {}
  }
}

function count(value: unknown): number | null {
  const number = typeof value === 'string' && value !== '' ? Number(value) : value
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 ? number : null
}
