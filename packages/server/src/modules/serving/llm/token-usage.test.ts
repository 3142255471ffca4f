import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  inputTokens,
  mergeUsage,
  outputTokens,
  readUsage,
  type RawUsage,
  type Usage,
} from './token-usage.ts'

const cases: [name: string, raw: RawUsage, usage: Usage][] = [
  [
    'OpenAI, cached',
    {
      prompt_tokens: 1248,
      completion_tokens: 10,
      total_tokens: 1258,
      prompt_tokens_details: { cached_tokens: 1152, audio_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 0, accepted_prediction_tokens: 4 },
    },
    { input: 96, cache_read: 1152, output: 10 },
  ],
  [
    'OpenAI, reasoning inside of the completion',
    {
      prompt_tokens: 100,
      completion_tokens: 200,
      total_tokens: 300,
      prompt_tokens_details: { cached_tokens: 50 },
      completion_tokens_details: { reasoning_tokens: 150 },
    },
    { input: 50, cache_read: 50, output: 50, reasoning: 150 },
  ],
  [
    'xAI, reasoning outside of the completion',
    {
      prompt_tokens: 50,
      completion_tokens: 120,
      total_tokens: 255,
      prompt_tokens_details: { cached_tokens: 5 },
      completion_tokens_details: { reasoning_tokens: 85 },
    },
    { input: 45, cache_read: 5, output: 120, reasoning: 85 },
  ],
  [
    'OpenAI audio',
    {
      prompt_tokens: 120,
      completion_tokens: 60,
      prompt_tokens_details: { audio_tokens: 100 },
      completion_tokens_details: { audio_tokens: 40 },
    },
    { input: 20, input_audio: 100, output: 20, output_audio: 40 },
  ],
  [
    'Anthropic: the totals leave the cache out',
    {
      input_tokens: 9,
      output_tokens: 12,
      cache_read_input_tokens: 183,
      cache_creation_input_tokens: 50,
      cache_creation: { ephemeral_5m_input_tokens: 50, ephemeral_1h_input_tokens: 0 },
    },
    { input: 9, output: 12, cache_read: 183, cache_write_5m: 50 },
  ],
  [
    'Anthropic: written beyond its breakdown counts as five minutes',
    {
      input_tokens: 3,
      output_tokens: 5,
      cache_creation_input_tokens: 100,
      cache_creation: { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 40 },
      server_tool_use: { web_search_requests: 2 },
    },
    { input: 3, output: 5, cache_write_5m: 60, cache_write_1h: 40, web_search: 2 },
  ],
  [
    'an OpenAI-shaped proxy of Anthropic, totals with the cache',
    { prompt_tokens: 2459, completion_tokens: 23, cache_read_input_tokens: 2455 },
    { input: 4, cache_read: 2455, output: 23 },
  ],
  [
    'an OpenAI-shaped proxy of Anthropic, totals without the cache',
    { prompt_tokens: 4, completion_tokens: 23, cache_read_input_tokens: 2455 },
    { input: 4, cache_read: 2455, output: 23 },
  ],
  [
    'OpenAI responses',
    {
      input_tokens: 100,
      input_tokens_details: { cached_tokens: 60 },
      output_tokens: 50,
      output_tokens_details: { reasoning_tokens: 20 },
      total_tokens: 150,
    },
    { input: 40, cache_read: 60, output: 30, reasoning: 20 },
  ],
  [
    'DeepSeek',
    { prompt_tokens: 10, completion_tokens: 1, prompt_cache_hit_tokens: 7 },
    { input: 3, cache_read: 7, output: 1 },
  ],
  ['embeddings', { prompt_tokens: 8, total_tokens: 8 }, { input: 8 }],
]

test.each(cases)('%s', (_name, raw, usage) => {
  expect(readUsage(raw)).toEqual(usage)
})

test('an object that counts nothing is no usage, and nonsense counts as nothing', () => {
  expect(readUsage({})).toBeNull()
  expect(readUsage({ prompt_tokens: -5, completion_tokens: 'many' })).toEqual({})
})

test('buckets add up to the totals of the provider, whatever its details say', () => {
  const n = fc.nat(100_000)
  fc.assert(
    fc.property(
      n,
      n,
      fc.record({ cached: n, write: n, audio: n }),
      n,
      (input, output, d, reasoning) => {
        const usage = readUsage({
          prompt_tokens: input + d.cached + d.write + d.audio,
          completion_tokens: output + reasoning,
          total_tokens: input + d.cached + d.write + d.audio + output + reasoning,
          prompt_tokens_details: {
            cached_tokens: d.cached,
            cache_write_tokens: d.write,
            audio_tokens: d.audio,
          },
          completion_tokens_details: { reasoning_tokens: reasoning },
        })
        expect(inputTokens(usage ?? {})).toBe(input + d.cached + d.write + d.audio)
        // With no visible output at all a provider's totals can't tell reasoning inside from outside, and both sum alike.
        expect(outputTokens(usage ?? {})).toBe(output + reasoning)
      }
    )
  )
})

test('a stream that tells twice: per field the largest, whichever came first', () => {
  const start = {
    input_tokens: 20,
    output_tokens: 1,
    cache_creation: { ephemeral_1h_input_tokens: 9 },
  }
  const delta = { output_tokens: 65, cache_creation_input_tokens: 30 }
  expect(readUsage(mergeUsage(mergeUsage(null, start), delta))).toEqual({
    input: 20,
    output: 65,
    cache_write_5m: 21,
    cache_write_1h: 9,
  })
  expect(
    mergeUsage({ completion_tokens: 9 }, { completion_tokens: 3, service_tier: null })
  ).toEqual({
    completion_tokens: 9,
    service_tier: null,
  })
})
