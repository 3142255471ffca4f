/** What is counted of a call. Buckets never overlap: each token is in exactly one of them. */
export type TokenMeter =
  | 'input'
  | 'cache_read'
  | 'cache_write_5m'
  | 'cache_write_1h'
  | 'input_audio'
  | 'input_image'
  | 'output'
  | 'reasoning'
  | 'output_audio'
  | 'output_image'

/** Things that are charged by the piece. */
export type PieceMeter = 'web_search' | 'search_unit'

export type Meter = TokenMeter | PieceMeter

/** How much of each meter a call used; a meter that is absent is zero. */
export type Usage = Readonly<Partial<Record<Meter, number>>>

export const INPUT_METERS = [
  'input',
  'cache_read',
  'cache_write_5m',
  'cache_write_1h',
  'input_audio',
  'input_image',
] as const satisfies readonly TokenMeter[]
export const OUTPUT_METERS = [
  'output',
  'reasoning',
  'output_audio',
  'output_image',
] as const satisfies readonly TokenMeter[]

/** All tokens that went in, cached or not. */
export const inputTokens = (usage: Usage): number => sum(usage, INPUT_METERS)
/** All tokens that came out, seen or not. */
export const outputTokens = (usage: Usage): number => sum(usage, OUTPUT_METERS)

/** The usage object of an answer as the provider wrote it. */
export type RawUsage = Readonly<Record<string, unknown>>

/**
 * A provider's usage in buckets that do not overlap, and add up to its own totals. Null when the object counts nothing.
 * Providers differ in what their totals hold, and it is read off the sums rather than off names:
 * OpenAI's and vLLM's `prompt_tokens` hold the cached ones; Anthropic's `input_tokens` do not; some OpenAI-shaped proxies of Anthropic
 * leave them out too; xAI counts reasoning outside of `completion_tokens`.
 */
export function readUsage(raw: RawUsage): Usage | null {
  if (isNumber(raw['prompt_tokens']) || isNumber(raw['completion_tokens']))
    return readOpenAi(raw, {
      input: 'prompt_tokens',
      inputDetails: 'prompt_tokens_details',
      output: 'completion_tokens',
      outputDetails: 'completion_tokens_details',
    })
  if (isRecord(raw['input_tokens_details']) || isNumber(raw['total_tokens']))
    return readOpenAi(raw, {
      input: 'input_tokens',
      inputDetails: 'input_tokens_details',
      output: 'output_tokens',
      outputDetails: 'output_tokens_details',
    })
  if (isNumber(raw['input_tokens']) || isNumber(raw['output_tokens'])) return readAnthropic(raw)
  return null
}

type Names = Readonly<Record<'input' | 'inputDetails' | 'output' | 'outputDetails', string>>

function readOpenAi(raw: RawUsage, names: Names): Usage {
  const input = count(raw[names.input])
  const output = count(raw[names.output])
  const inDetails = recordOf(raw[names.inputDetails])
  const outDetails = recordOf(raw[names.outputDetails])
  const cacheRead =
    count(inDetails['cached_tokens']) ||
    count(raw['cache_read_input_tokens']) ||
    count(raw['prompt_cache_hit_tokens'])
  const written = splitCacheWrite(
    count(inDetails['cache_write_tokens']) ||
      count(inDetails['cache_creation_tokens']) ||
      count(raw['cache_creation_input_tokens']),
    recordOf(raw['cache_creation'])
  )
  const cached = cacheRead + written.cache_write_5m + written.cache_write_1h
  // A total that is smaller than its parts leaves them out.
  const uncached = input >= cached ? input - cached : input
  const inputAudio = Math.min(count(inDetails['audio_tokens']), uncached)
  const inputImage = Math.min(count(inDetails['image_tokens']), uncached - inputAudio)

  const reasoning = count(outDetails['reasoning_tokens'])
  const outputAudio = count(outDetails['audio_tokens'])
  const outputImage = count(outDetails['image_tokens'])
  const total = count(raw['total_tokens'])
  const isReasoningOutside =
    reasoning > 0 &&
    (reasoning + outputAudio + outputImage > output ||
      (total > 0 && input + output + reasoning === total))
  const parts = (isReasoningOutside ? 0 : reasoning) + outputAudio + outputImage
  return compact({
    input: uncached - inputAudio - inputImage,
    cache_read: cacheRead,
    ...written,
    input_audio: inputAudio,
    input_image: inputImage,
    output: Math.max(0, output - parts),
    reasoning,
    output_audio: outputAudio,
    output_image: outputImage,
    web_search: count(raw['num_sources_used']) || count(raw['num_search_queries']),
  })
}

function readAnthropic(raw: RawUsage): Usage {
  const tools = recordOf(raw['server_tool_use'])
  return compact({
    input: count(raw['input_tokens']),
    cache_read: count(raw['cache_read_input_tokens']),
    ...splitCacheWrite(count(raw['cache_creation_input_tokens']), recordOf(raw['cache_creation'])),
    output: count(raw['output_tokens']),
    web_search: count(tools['web_search_requests']),
  })
}

/** What of the written tokens is not said to last an hour lasts five minutes: with server tools the total is more than its breakdown. */
function splitCacheWrite(total: number, breakdown: RawUsage) {
  const hour = count(breakdown['ephemeral_1h_input_tokens'])
  const minutes = count(breakdown['ephemeral_5m_input_tokens'])
  return { cache_write_5m: Math.max(minutes, total - hour), cache_write_1h: hour }
}

/**
 * The usage of a stream that tells of it more than once: per field the largest number. Right for totals that grow (vLLM's
 * `continuous_usage_stats`), for the one at the end (OpenAI), and for halves in two events (Anthropic).
 */
export function mergeUsage(before: RawUsage | null, next: RawUsage): RawUsage {
  if (before === null) return next
  const merged: Record<string, unknown> = { ...before }
  for (const [key, value] of Object.entries(next)) {
    const known = merged[key]
    if (isNumber(value)) merged[key] = isNumber(known) ? Math.max(known, value) : value
    else if (isRecord(value)) merged[key] = isRecord(known) ? mergeUsage(known, value) : value
    else if (value !== null || known === undefined) merged[key] = value
  }
  return merged
}

const sum = (usage: Usage, meters: readonly TokenMeter[]): number =>
  meters.reduce((total, meter) => total + (usage[meter] ?? 0), 0)

function compact(usage: Usage): Usage {
  return Object.fromEntries(Object.entries(usage).filter(([, n]) => n > 0)) // keys kept
}

const isNumber = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value)
const count = (value: unknown): number => (isNumber(value) && value > 0 ? Math.round(value) : 0)
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const recordOf = (value: unknown): RawUsage => (isRecord(value) ? value : {})
