import { describe, expect, test } from 'vitest'
import { attempt, type AttemptEnd } from './attempt.ts'
import type { BackendRequest } from './backend-request.ts'
import type { AnswerSink } from './llm-call.ts'
import { recorded } from './test/recorded.ts'
import { readUsage, type Usage } from './token-usage.ts'
import type { Upstream, UpstreamListener } from './upstream.ts'

const request = (relay: BackendRequest['relay']): BackendRequest => ({
  url: 'http://backend/v1',
  headers: {},
  body: Buffer.from('{}'),
  relay,
  translator: null,
})

/** Plays pieces of a stream through an attempt; `until` cuts it there: the caller leaves. */
function play(
  pieces: readonly Buffer[],
  { relay = 'raw', leaveAfter }: { relay?: BackendRequest['relay']; leaveAfter?: number } = {}
): { out: Buffer; ended: Promise<AttemptEnd>; isCancelled: () => boolean } {
  const sent: Buffer[] = []
  let leave: () => void = () => undefined
  let isGone = false
  const sink: AnswerSink = {
    head: () => undefined,
    write: (bytes) => sent.push(bytes) > 0,
    end: (bytes) => void (bytes === undefined ? 0 : sent.push(bytes)),
    get isGone() {
      return isGone
    },
    onDrain: () => undefined,
    onGone: (listener) => {
      leave = listener
    },
  }
  let listener: UpstreamListener | null = null
  let isCancelled = false
  const upstream: Upstream = {
    send: (_call, heard) => {
      listener = heard
      return { resume: () => undefined, cancel: () => void (isCancelled = true) }
    },
    close: async () => undefined,
  }
  const ended = attempt(upstream, sink, {
    settings: {
      request: request(relay),
      timeouts: { firstTokenMs: 1_000, betweenTokensMs: 1_000, totalMs: 1_000 },
      isStream: true,
      onClientGone: 'cancel',
    },
    hooks: {
      onFirstByte: () => undefined,
      onAnswer: () => undefined,
      headers: () => ({}),
      finishBody: null,
      filterEvent: null,
      errorEvent: () => Buffer.alloc(0),
      keep: null,
    },
  })
  const heard = listener as UpstreamListener | null
  heard?.head(200, { 'content-type': 'text/event-stream' })
  for (const [i, piece] of pieces.entries()) {
    if (i === leaveAfter) {
      isGone = true
      leave()
      break
    }
    heard?.data(piece)
  }
  if (leaveAfter === undefined) heard?.end()
  return { out: Buffer.concat(sent), ended, isCancelled: () => isCancelled }
}

const streams: [name: string, usage: Usage][] = [
  ['openai-chat', { input: 96, cache_read: 1152, output: 10 }],
  ['openai-chat-crlf', { input: 96, cache_read: 1152, output: 10 }],
  ['openai-tools', { input: 80, output: 17 }],
  ['vllm-chat', { input: 25, cache_read: 16, output: 5 }],
  ['anthropic-messages', { input: 338, cache_read: 500, cache_write_1h: 20, output: 65 }],
  ['openai-responses', { input: 37, output: 11 }],
  ['groq-chat', { input: 47, output: 10 }],
]

describe.each(streams)('%s', (name, usage) => {
  const whole = recorded(name)

  test('bytes in are bytes out, and the usage is right, wherever the stream is split', async () => {
    for (let at = 0; at <= whole.length; at++) {
      const { out, ended } = play([whole.subarray(0, at), whole.subarray(at)])
      expect(out.equals(whole)).toBe(true)
      const end = await ended
      if (end.kind !== 'answered') throw new Error(end.kind)
      expect(readUsage(end.answer.usage ?? {})).toEqual(usage)
    }
  })

  test('byte by byte too', async () => {
    const { out, ended } = play([...whole].map((byte) => Buffer.from([byte])))
    expect(out.equals(whole)).toBe(true)
    expect((await ended).kind).toBe('answered')
  })
})

test.each(['openai-chat', 'openai-chat-crlf', 'openai-tools', 'vllm-chat'])(
  'of %s only the usage that the client did not ask for is taken out, wherever it is split',
  async (name) => {
    const whole = recorded(name)
    const text = whole.toString()
    const eol = name.endsWith('crlf') ? '\r\n\r\n' : '\n\n'
    const expected = text
      .split(eol)
      .filter((event) => !event.includes('"choices":[]'))
      .join(eol)
    expect(expected).not.toBe(text)
    for (let at = 0; at <= whole.length; at++) {
      const { out, ended } = play([whole.subarray(0, at), whole.subarray(at)], {
        relay: 'strip-usage',
      })
      expect(out.toString()).toBe(expected)
      const end = await ended
      if (end.kind !== 'answered') throw new Error(end.kind)
      expect(end.answer.usage).not.toBeNull()
    }
  }
)

test('the words, the end and the model of a stream are read, whatever the provider', async () => {
  const words = 'Grüße aus 東京! Zeile\nzwei 🚀 \u2028 end.'
  for (const name of ['openai-chat', 'anthropic-messages', 'openai-responses']) {
    const end = await play([recorded(name)]).ended
    if (end.kind !== 'answered') throw new Error(end.kind)
    expect(end.answer.text()).toBe(words)
    expect(end.answer.isComplete).toBe(true)
  }
})

test('a caller that leaves at any point cancels the backend, and what had come is known', async () => {
  const whole = recorded('openai-chat-no-usage')
  let before = 0
  for (let at = 1; at < whole.length; at++) {
    const { ended, isCancelled } = play([whole.subarray(0, at), whole.subarray(at)], {
      leaveAfter: 1,
    })
    expect(isCancelled()).toBe(true)
    const end = await ended
    if (end.kind !== 'left') throw new Error(end.kind)
    expect(end.answer.chars).toBeGreaterThanOrEqual(before)
    before = end.answer.chars
  }
  expect(before).toBe('Grüße aus 東京! Zeile\nzwei 🚀 \u2028 end.'.length)
})

test('a stream that begins with an error is a failure that another backend may mend', async () => {
  const { out, ended } = play([Buffer.from('data: {"error":{"message":"no GPU"}}\n\n')])
  expect(out.length).toBe(0)
  expect(await ended).toMatchObject({ kind: 'failed', failure: { kind: 'refused', status: 502 } })
})
