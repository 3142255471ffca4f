import fc from 'fast-check'
import { expect, test } from 'vitest'
import { recorded } from '../test/recorded.ts'
import { createSseCutter, readSseEvent, writeSseEvent } from '../sse.ts'
import { createStreamMask } from './stream-mask.ts'
import { maskText, textRules } from './text-rules.ts'

const pii = textRules({
  kind: 'pii',
  find: ['email', 'phone', 'credit-card', 'iban', 'ip', 'us-ssn', 'secret-key'],
  on: 'both',
  action: 'mask',
})
const mask = (text: string): string => maskText(text, pii).text

test.each([
  ['write to ada.lovelace+x@mail.example.org!', 'write to [EMAIL]!'],
  ['call +49 30 1234 5678 now', 'call [PHONE] now'],
  ['card 4111 1111 1111 1111.', 'card [CREDIT_CARD].'],
  ['order 4111 1111 1111 1112.', 'order 4111 1111 1111 1112.'],
  ['IBAN DE89 3704 0044 0532 0130 00 ok', 'IBAN [IBAN] ok'],
  ['from 10.0.0.255 and 10.0.0.256', 'from [IP] and 10.0.0.256'],
  ['SSN 078-05-1120', 'SSN [US_SSN]'],
  ['key sk-abcdefghijklmnop1234 here', 'key [SECRET_KEY] here'],
  ['version 1.2.3, in 2026, 100 items', 'version 1.2.3, in 2026, 100 items'],
])('%s', (text, expected) => {
  expect(mask(text)).toBe(expected)
})

const output = [{ rules: pii, action: 'mask' as const }]

/** What a client reads of a stream of words. */
function through(words: readonly string[]): string {
  const stream = createStreamMask(output)
  const chunk = (content: string, finish: string | null) =>
    JSON.stringify({ choices: [{ index: 0, delta: { content }, finish_reason: finish }] })
  const events = [...words.map((word) => chunk(word, null)), chunk('', 'stop'), '[DONE]']
  return events
    .flatMap((data) => stream.event(data, writeSseEvent(data)))
    .map((bytes) => readSseEvent(bytes).data ?? '')
    .filter((data) => data !== '[DONE]')
    .map(
      (data) =>
        (JSON.parse(data) as { choices: { delta: { content?: string } }[] }).choices[0]?.delta
          .content ?? ''
    )
    .join('')
}

test('what is found in a stream is masked wherever the stream is split, and nothing else is lost', () => {
  const text = `Dear ${'x'.repeat(90)}, mail ada@mail.example.org or pay DE89 3704 0044 0532 0130 00 with 4111 1111 1111 1111 today. ${'word '.repeat(40)}`
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 200, maxLength: 200 }),
      (cuts) => {
        const words: string[] = []
        let at = 0
        for (const cut of cuts) {
          if (at >= text.length) break
          words.push(text.slice(at, at + cut))
          at += cut
        }
        words.push(text.slice(at))
        expect(through(words)).toBe(mask(text))
      }
    )
  )
})

test('streams of Anthropic and of responses lose no word to the mask', () => {
  for (const name of ['anthropic-messages', 'openai-responses']) {
    const stream = createStreamMask(output)
    let words = ''
    for (const event of createSseCutter().push(recorded(name)))
      for (const out of stream.event(readSseEvent(event).data ?? '', event)) {
        const data = JSON.parse(readSseEvent(out).data ?? '{}') as {
          delta?: string | { text?: string }
        }
        words += typeof data.delta === 'string' ? data.delta : (data.delta?.text ?? '')
      }
    if (name === 'anthropic-messages')
      expect(words).toBe('Grüße aus 東京! Zeile\nzwei 🚀 \u2028 end.')
  }
})

test('a rule that blocks ends a stream', () => {
  const stream = createStreamMask([{ rules: pii, action: 'block' }])
  const data = JSON.stringify({ choices: [{ index: 0, delta: { content: 'a@b.example.org ' } }] })
  expect(() => stream.event(data, writeSseEvent(data))).toThrow('EMAIL')
})
