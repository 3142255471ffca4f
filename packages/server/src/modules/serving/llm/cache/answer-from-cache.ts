import type { CallOutcome } from '../complete-call.ts'
import type { AnswerSink } from '../llm-call.ts'
import { createSseCutter, readSseEvent } from '../sse.ts'
import { createAnswerReader } from '../stream-reader.ts'
import type { CacheHit } from './call-cache.ts'

/** Sends what was kept, to the byte, and tells what it said. Nothing is bought. */
export function answerFromCache(
  { answer, kind, similarity }: CacheHit,
  sink: AnswerSink,
  headers: Readonly<Record<string, string>>
): CallOutcome {
  sink.head(200, {
    'content-type': answer.contentType,
    'content-length': String(answer.body.length),
    'x-trestle-cache': kind === 'exact' ? 'hit' : 'hit-semantic',
    ...(similarity === null ? {} : { 'x-trestle-cache-similarity': similarity.toFixed(4) }),
    ...headers,
  })
  sink.end(answer.body)
  const reader = createAnswerReader()
  if (answer.contentType.startsWith('text/event-stream'))
    for (const event of createSseCutter().push(answer.body))
      reader.event(readSseEvent(event).data ?? '')
  else reader.whole(JSON.parse(answer.body.toString('utf8')) as Record<string, unknown>) // it was read before it was kept
  return {
    error: null,
    answer: reader.state,
    backend: null,
    firstTokenMs: 0,
    attempts: 0,
    busyMs: 0,
    isCut: false,
    cache: kind,
  }
}
