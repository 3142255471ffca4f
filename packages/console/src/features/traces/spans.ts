import type { WireSpan } from '@trestle/contract'

/** A span where it stands in its trace: how deep, and when, in milliseconds since the trace began. */
export type PlacedSpan = Readonly<{ span: WireSpan; depth: number; from: number; took: number }>

/** Spans as a reader follows them: each under its parent, in the order in which they began. One whose parent is missing, or that is its own ancestor, stands at the top. */
export function placeSpans(spans: readonly WireSpan[]): PlacedSpan[] {
  const ids = new Set(spans.map((span) => span.span_id))
  const children = Map.groupBy(spans, (span) => {
    const parent = span.parent_span_id ?? ''
    return ids.has(parent) ? parent : ''
  })
  const began = Math.min(...spans.map((span) => span.start_time_unix_nano))
  const placed = new Map<string, PlacedSpan>()
  const place = (span: WireSpan, depth: number): void => {
    if (placed.has(span.span_id)) return
    placed.set(span.span_id, {
      span,
      depth,
      from: (span.start_time_unix_nano - began) / 1e6,
      took: Math.max(0, ((span.end_time_unix_nano ?? 0) - span.start_time_unix_nano) / 1e6),
    })
    const below = children.get(span.span_id) ?? []
    for (const child of below.toSorted(byStart)) place(child, depth + 1)
  }
  for (const span of (children.get('') ?? []).toSorted(byStart)) place(span, 0)
  for (const span of spans.toSorted(byStart)) place(span, 0)
  return [...placed.values()]
}

const byStart = (a: WireSpan, b: WireSpan): number =>
  a.start_time_unix_nano - b.start_time_unix_nano

/** The attributes of a span as plain values. */
export const attributesOf = (span: WireSpan): ReadonlyMap<string, unknown> =>
  new Map((span.attributes ?? []).map(({ key, value }) => [key, ofMlflow(key, plain(value))]))

/** MLflow writes its own attributes as JSON in a text when they pass through OpenTelemetry's exporters. */
function ofMlflow(key: string, value: unknown): unknown {
  if (!key.startsWith('mlflow.') || typeof value !== 'string') return value
  try {
    return JSON.parse(value) as unknown
  } catch {
    return value
  }
}

/** OpenTelemetry's AnyValue without its wrapping. */
function plain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const [kind, inner] = Object.entries(value)[0] ?? []
  if (kind === 'array_value') return valuesOf(inner).map(plain)
  if (kind === 'kvlist_value')
    return Object.fromEntries(
      valuesOf(inner).map((pair) => {
        const { key, value: item } = pair as { key: string; value: unknown } // a KeyValue of OTLP
        return [key, plain(item)]
      })
    )
  return inner
}

const valuesOf = (list: unknown): readonly unknown[] =>
  (list as { values?: readonly unknown[] } | undefined)?.values ?? []
