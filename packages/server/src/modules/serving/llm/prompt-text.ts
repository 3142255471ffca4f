import { isRecord } from '../named-inputs.ts'

/** What of a request a model reads: its words, and how many pictures and sounds come with them. */
export type PromptText = Readonly<{ text: string; media: number }>

/** The words of any request: chat messages, prompts, inputs of embeddings and responses, documents to rank, tools. */
export function promptTextOf(body: Readonly<Record<string, unknown>>): PromptText {
  const parts: string[] = []
  let media = 0
  const read = (value: unknown): void => {
    if (typeof value === 'string') {
      parts.push(value)
      return
    }
    if (Array.isArray(value)) {
      for (const item of value) read(item)
      return
    }
    if (!isRecord(value)) return
    const { type } = value
    if (typeof type === 'string' && /image|audio|file|document|video/.test(type)) {
      media++
      return
    }
    for (const name of ['content', 'text', 'input', 'output', 'arguments', 'function', 'thinking'])
      if (value[name] !== undefined) read(value[name])
    for (const call of Array.isArray(value['tool_calls']) ? value['tool_calls'] : []) read(call)
  }
  for (const name of [
    'system',
    'instructions',
    'messages',
    'prompt',
    'input',
    'query',
    'documents',
  ])
    if (body[name] !== undefined) read(body[name])
  if (body['tools'] !== undefined) parts.push(JSON.stringify(body['tools']))
  return { text: parts.join('\n'), media }
}

/** Tokens that a picture or sound may take: more than the largest that OpenAI and Anthropic name for one picture (November 2026). */
const TOKENS_PER_MEDIUM = 2_000
/** A message's own frame. */
const OVERHEAD = 16

/**
 * More tokens than a prompt has, without counting them: byte-level tokenisers make at most one token a byte, and at most one for two bytes of any text
 * that people write. Only dense random text passes it, and settling corrects it.
 */
export const boundInputTokens = ({ text, media }: PromptText): number =>
  Math.ceil(Buffer.byteLength(text) / 2) + media * TOKENS_PER_MEDIUM + OVERHEAD

/** The most that a request lets the model write; null when it does not say. */
export function boundOutputTokens(body: Readonly<Record<string, unknown>>): number | null {
  const limits = ['max_completion_tokens', 'max_tokens', 'max_output_tokens']
    .map((name) => body[name])
    .filter((value): value is number => typeof value === 'number' && value >= 0)
  if (limits.length === 0) return null
  const choices = Math.max(numberOf(body['n']), numberOf(body['best_of']), 1)
  return Math.ceil(Math.max(...limits)) * choices
}

const numberOf = (value: unknown): number =>
  typeof value === 'number' && value > 0 ? Math.min(Math.ceil(value), 1_000) : 0
