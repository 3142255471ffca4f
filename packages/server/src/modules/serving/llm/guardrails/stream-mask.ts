import { isRecord } from '../../named-inputs.ts'
import { writeSseEvent } from '../sse.ts'
import { refuseFound, type OwnRules } from './apply-rules.ts'
import { findAll, render } from './text-rules.ts'

/** Masks the words of one stream, event by event. */
export interface StreamMask {
  /** The events that may go out for one that came. Throws `serving.guardrail_refused`. */
  event(data: string, bytes: Buffer): Buffer[]
}

/** What is found may be split over events: so many characters are held back, more than anything that we look for is long. */
const HELD_CHARS = 80
/** Of what went out, so much is kept: what stands before a number tells whether it is one. */
const MAX_RAW_CHARS = 4_096
const CONTEXT_CHARS = 256

type Place = { raw: string; sent: number }

export function createStreamMask(output: readonly OwnRules[]): StreamMask {
  const places = new Map<string, Place>()
  const blocking = output.filter(({ action }) => action === 'block').flatMap(({ rules }) => rules)
  const masking = output.filter(({ action }) => action === 'mask').flatMap(({ rules }) => rules)

  /** Takes text in, gives out what is safe. */
  const pass = (name: string, text: string, isLast: boolean): string => {
    const place = places.get(name) ?? { raw: '', sent: 0 }
    places.set(name, place)
    place.raw += text
    refuseFound(new Set(findAll(place.raw, blocking).map((one) => one.name)), 'answer')
    const found = findAll(place.raw, masking)
    let to = isLast ? place.raw.length : Math.max(place.sent, place.raw.length - HELD_CHARS)
    // What may go on beyond the cut waits for its end.
    for (const { start, end } of found) if (start < to && end > to) to = Math.max(place.sent, start)
    const out = render(place.raw, found, { from: place.sent, to })
    place.sent = to
    if (place.raw.length > MAX_RAW_CHARS) {
      const cut = Math.max(0, place.sent - CONTEXT_CHARS)
      place.raw = place.raw.slice(cut)
      place.sent -= cut
    }
    return out
  }

  return {
    event(data, bytes) {
      const event = parse(data)
      if (event === null) return [bytes]
      const { choices, delta, index, type } = event
      if (Array.isArray(choices)) {
        const changed = choices.map((choice: unknown) => maskChoice(choice, pass))
        return [writeSseEvent(JSON.stringify({ ...event, choices: changed }))]
      }
      if (type === 'content_block_delta' && isRecord(delta) && typeof delta['text'] === 'string') {
        const text = pass(String(index), delta['text'], false)
        return [writeSseEvent(JSON.stringify({ ...event, delta: { ...delta, text } }), type)]
      }
      if (type === 'response.output_text.delta' && typeof delta === 'string')
        return [
          writeSseEvent(
            JSON.stringify({ ...event, delta: pass(String(event['item_id']), delta, false) }),
            type
          ),
        ]
      return [...leftBefore(event, pass), bytes]
    },
  }
}

/** The end of a block has no place for words that were held back: they go out before it. */
function leftBefore(
  event: Readonly<Record<string, unknown>>,
  pass: (place: string, text: string, isLast: boolean) => string
): Buffer[] {
  const { type, index } = event
  if (type === 'content_block_stop') {
    const text = pass(String(index), '', true)
    const left = { type: 'content_block_delta', index, delta: { type: 'text_delta', text } }
    return text === '' ? [] : [writeSseEvent(JSON.stringify(left), left.type)]
  }
  if (type === 'response.output_text.done') {
    const text = pass(String(event['item_id']), '', true)
    const left = { ...event, type: 'response.output_text.delta', delta: text, text: undefined }
    return text === '' ? [] : [writeSseEvent(JSON.stringify(left), left.type)]
  }
  return []
}

function parse(data: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(data)
    return isRecord(value) ? value : null
  } catch {
    return null
  }
}

function maskChoice(
  choice: unknown,
  pass: (place: string, text: string, isLast: boolean) => string
): unknown {
  if (!isRecord(choice)) return choice
  const { delta, index, finish_reason: finish } = choice
  const isLast = typeof finish === 'string'
  const place = String(index)
  if (typeof choice['text'] === 'string')
    return { ...choice, text: pass(place, choice['text'], isLast) }
  if (!isRecord(delta)) return choice
  const text = typeof delta['content'] === 'string' ? delta['content'] : ''
  if (text === '' && !isLast) return choice
  const out = pass(place, text, isLast)
  return out === '' && delta['content'] === undefined
    ? choice
    : { ...choice, delta: { ...delta, content: out } }
}
