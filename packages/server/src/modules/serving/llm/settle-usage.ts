import type { CallOutcome } from './complete-call.ts'
import type { LlmCall, UsageStatus } from './llm-call.ts'
import type { TokenCounter } from './ports.ts'
import type { PromptText } from './prompt-text.ts'
import { readUsage, type Usage } from './token-usage.ts'

/** What a call used, and how sure that is. */
export type UsedTokens = Readonly<{ usage: Usage; status: UsageStatus; serviceTier: string | null }>

/**
 * What a call used: what the provider said, else counted from the words that went to and fro. A call that was cut short is billed for what had come.
 * Null when no backend began an answer, so that nothing was bought.
 */
export async function settleUsage(
  tokens: TokenCounter,
  { call, prompt, outcome }: { call: LlmCall; prompt: PromptText; outcome: CallOutcome }
): Promise<UsedTokens | null> {
  const { answer, isCut } = outcome
  if (answer === null) return null
  const { serviceTier } = answer
  const told = answer.usage === null ? null : readUsage(answer.usage)
  const isWhole = !isCut && answer.isComplete
  if (told !== null && (isWhole || answer.finishReasons.length > 0))
    return { usage: told, status: 'measured', serviceTier }
  try {
    const counted = await countUsage(tokens, { call, prompt, outcome })
    // Of a stream that was cut, both what it told so far and what was seen are lower bounds.
    const usage = told === null ? counted : largest(told, counted)
    return { usage, status: isCut ? 'partial' : 'estimated', serviceTier }
  } catch {
    return { usage: told ?? {}, status: told === null ? 'unmetered' : 'partial', serviceTier }
  }
}

async function countUsage(
  tokens: TokenCounter,
  { call, prompt, outcome }: { call: LlmCall; prompt: PromptText; outcome: CallOutcome }
): Promise<Usage> {
  const input = await tokens.count(prompt.text)
  const { answer } = outcome
  if (answer === null || call.operation === 'embeddings' || call.operation === 'rerank')
    return { input }
  const seen = answer.text()
  const counted = seen === '' ? 0 : await tokens.count(seen)
  // What was counted and not kept has as many tokens a character as what was kept.
  const output =
    seen.length === 0
      ? Math.ceil(answer.chars / 4)
      : Math.ceil((counted * answer.chars) / seen.length)
  return output === 0
    ? { input }
    : { input, output: Math.max(output, answer.outputEvents > 0 ? 1 : 0) }
}

/** What was told of the input is exact; of the output, the larger. */
const largest = (told: Usage, counted: Usage): Usage => {
  const output = Math.max(told.output ?? 0, (counted.output ?? 0) - (told.reasoning ?? 0))
  return output === 0 ? told : { ...told, output }
}
