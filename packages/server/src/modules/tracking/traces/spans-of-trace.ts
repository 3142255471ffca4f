import type { OtlpResourceSpans, OtlpSpan, Attribute } from './otlp.ts'
import { plainAttributes, stateOf, textOf, toSpanRow, traceIdOf, unwrapped } from './span-row.ts'
import type { SpansOfTrace } from './trace-records.ts'
import { TRACE_NAME_TAG } from './trace-filter.ts'

const PREVIEW_LENGTH = 1_000 // MLflow's, for what its lists show
const TAG_PREFIX = 'mlflow.traceTag.'
const RESERVED = /^(telemetry\.sdk\.|mlflow\.)/

/** Sorts exported spans by their trace, with what they tell of it. */
export function groupByTrace(
  exported: readonly OtlpResourceSpans[],
  experimentId: number
): SpansOfTrace[] {
  const all = exported.flatMap(({ resource, spans }) => spans.map((span) => ({ span, resource })))
  return [...Map.groupBy(all, ({ span }) => traceIdOf(span))].map(([traceId, group]) => {
    const spans = group.map(({ span }) => span)
    const root = spans.find((span) => span.parentSpanId === '')
    const ends = spans.map((span) => toMs(span.endTimeUnixNano)).filter((ms) => ms > 0)
    return {
      traceId,
      experimentId,
      spans: [...new Map(spans.map((span) => [span.spanId, toSpanRow(span)])).values()],
      startMs: Math.min(...spans.map((span) => toMs(span.startTimeUnixNano))),
      endMs: ends.length === 0 ? null : Math.max(...ends),
      root: root === undefined ? null : whole(root),
      tags: [...resourceTags(group[0]?.resource ?? []), ...tagsOf(root)],
      metadata: sessionOf(spans),
    }
  })
}

const toMs = (nanos: string): number => Number(BigInt(nanos) / 1_000_000n)

function whole(root: OtlpSpan): NonNullable<SpansOfTrace['root']> {
  const given = plainAttributes(root.attributes)
  return {
    name: root.name,
    state: stateOf(root),
    requestPreview: preview(given['mlflow.spanInputs'] ?? given['input.value']),
    responsePreview: preview(given['mlflow.spanOutputs'] ?? given['output.value']),
  }
}

function preview(value: unknown): string | null {
  if (value === undefined || value === null) return null
  const text = textOf(value)
  return text.length <= PREVIEW_LENGTH ? text : `${text.slice(0, PREVIEW_LENGTH - 3)}...`
}

/** Where the spans came from, such as `service.name`; the SDK's own and MLflow's names are not the sender's to set so. */
const resourceTags = (resource: readonly Attribute[]) =>
  Object.entries(plainAttributes(resource))
    .filter(([key]) => key !== '' && key.length <= 250 && !RESERVED.test(key))
    .map(([key, value]) => ({ key, value: textOf(value) }))

function tagsOf(root: OtlpSpan | undefined): { key: string; value: string }[] {
  if (root === undefined) return []
  const own = Object.entries(plainAttributes(root.attributes))
    .filter(([key]) => key.startsWith(TAG_PREFIX) && key.length > TAG_PREFIX.length)
    .map(([key, value]) => ({ key: key.slice(TAG_PREFIX.length), value: textOf(unwrapped(value)) }))
  return [{ key: TRACE_NAME_TAG, value: root.name }, ...own]
}

function sessionOf(spans: readonly OtlpSpan[]): { key: string; value: string }[] {
  const found = new Map<string, string>()
  for (const span of spans) {
    const given = plainAttributes(span.attributes)
    const session = unwrapped(given['session.id'] ?? given['gen_ai.conversation.id'])
    const user = unwrapped(given['user.id'])
    if (typeof session === 'string' && !found.has('mlflow.trace.session'))
      found.set('mlflow.trace.session', session)
    if (typeof user === 'string' && !found.has('mlflow.trace.user'))
      found.set('mlflow.trace.user', user)
  }
  return [...found].map(([key, value]) => ({ key, value }))
}
