import type { Binding, Llama, LlamaModel, LlamaSequence, Token } from './binding.ts'
import { recordOf, Refusal, type Body } from './prompt-of-chat.ts'

export type Generated = Readonly<{
  outputTokens: number
  /** Of the prompt, tokens that the sequence had read for an earlier call. */
  cachedTokens: number
  finishReason: 'stop' | 'length'
}>

const number = (body: Body, name: string): number | undefined => {
  const value = body[name]
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

/** What the request says of sampling, as llama.cpp takes it. Like OpenAI's servers, the model chooses freely when nothing is said. */
export async function samplingOf(
  { binding, llama, model }: { binding: Binding; llama: Llama; model: LlamaModel },
  body: Body
): Promise<Readonly<Record<string, unknown>>> {
  const format = recordOf(body['response_format'])
  const grammar =
    format['type'] === 'json_schema'
      ? await llama
          .createGrammarForJsonSchema(recordOf(format['json_schema'])['schema'])
          .catch((error: unknown) => {
            throw new Refusal(`The schema can't be kept: ${String(error)}`)
          })
      : format['type'] === 'json_object'
        ? await llama.getGrammarFor('json')
        : null
  const penalty = number(body, 'frequency_penalty')
  return {
    temperature: number(body, 'temperature') ?? 1,
    ...(number(body, 'top_p') === undefined ? {} : { topP: number(body, 'top_p') }),
    ...(number(body, 'top_k') === undefined ? {} : { topK: number(body, 'top_k') }),
    ...(number(body, 'seed') === undefined ? {} : { seed: number(body, 'seed') }),
    ...(penalty === undefined ? {} : { repeatPenalty: { frequencyPenalty: penalty } }),
    ...(grammar === null
      ? {}
      : {
          grammarEvaluationState: new binding.LlamaGrammarEvaluationState({ model, grammar }),
        }),
  }
}

/** A character may be spread over so many tokens of single bytes. */
const MAX_PIECES = 4

/** Lets a sequence go on from a prompt until the model ends, a stop text comes, the limit is there or the caller has left. Text comes in whole characters. */
export async function generate(
  { model, sequence }: { model: LlamaModel; sequence: LlamaSequence },
  asked: {
    prompt: readonly Token[]
    sampling: Readonly<Record<string, unknown>>
    maxTokens: number
    stops: readonly string[]
    signal: AbortSignal
    say: (text: string) => void
  }
): Promise<Generated> {
  const heldBack = Math.max(0, ...asked.stops.map(({ length }) => length - 1))
  let outputTokens = 0
  let said: Token[] = []
  let pending: Token[] = []
  let text = ''
  let finishReason: Generated['finishReason'] = 'length'

  const release = (keep: number): void => {
    const out = text.slice(0, Math.max(0, text.length - keep))
    text = text.slice(out.length)
    if (out !== '') asked.say(out)
  }
  const hasStopped = (): boolean => {
    const ends = asked.stops.map((stop) => text.indexOf(stop)).filter((at) => at !== -1)
    if (ends.length === 0) return false
    text = text.slice(0, Math.min(...ends))
    return true
  }
  // The last token is always read anew: what comes next is asked of it.
  await sequence.adaptStateToTokens(asked.prompt.slice(0, -1), false)
  const cachedTokens = sequence.nextTokenIndex
  const rest = asked.prompt.slice(cachedTokens)
  const options = { ...asked.sampling, yieldEogToken: true }
  for await (const token of sequence.evaluate(rest, options)) {
    if (asked.signal.aborted) break
    outputTokens++
    if (model.isEogToken(token)) {
      finishReason = 'stop'
      break
    }
    pending.push(token)
    const piece = model.detokenize(pending, false, said.slice(-8))
    if (!piece.endsWith('\uFFFD') || pending.length >= MAX_PIECES) {
      text += piece
      said = [...said.slice(-8), ...pending]
      pending = []
      if (hasStopped()) {
        finishReason = 'stop'
        break
      }
      release(heldBack)
    }
    if (outputTokens >= asked.maxTokens) break
  }
  if (pending.length > 0) text += model.detokenize(pending, false, said.slice(-8))
  release(0)
  return { outputTokens, cachedTokens, finishReason }
}

export function stopsOf({ stop }: Body): string[] {
  const all: readonly unknown[] = Array.isArray(stop) ? stop : [stop]
  return all.filter((one): one is string => typeof one === 'string' && one !== '')
}

export const maxTokensOf = (body: Body): number | undefined =>
  number(body, 'max_completion_tokens') ?? number(body, 'max_tokens')
