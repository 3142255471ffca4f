import type { AnswerSink } from './llm-call.ts'

/** Holds an answer back until a verdict is there: then lets it out, or never. */
export function createGatedSink(sink: AnswerSink): {
  sink: AnswerSink
  /** Lets out what was held, and all that comes. */
  open: () => void
  /** Nothing goes out any more, and the backend learns that nobody listens. */
  shut: () => void
} {
  let held: (() => void)[] | null = []
  let isShut = false
  let onGone: (() => void) | null = null
  const later = (act: () => void): void => {
    if (isShut) return
    if (held === null) act()
    else held.push(act)
  }
  return {
    sink: {
      head: (status, headers) => later(() => sink.head(status, headers)),
      write: (bytes) => {
        if (held === null && !isShut) return sink.write(bytes)
        later(() => void sink.write(bytes))
        return true
      },
      end: (bytes) => later(() => sink.end(bytes)),
      get isGone() {
        return isShut || sink.isGone
      },
      onDrain: (listener) => sink.onDrain(listener),
      onGone: (listener) => {
        onGone = listener
        sink.onGone(listener)
      },
    },
    open() {
      const acts = held ?? []
      held = null
      for (const act of acts) act()
    },
    shut() {
      isShut = true
      onGone?.()
    },
  }
}
