/** Where a piece of work stands in a trace (W3C Trace Context, level 1). Ids are lower-case hex. */
export type TraceContext = Readonly<{
  traceId: string
  spanId: string
  /** The caller's span; null at the root of a trace. */
  parentSpanId: string | null
  isSampled: boolean
  /** The caller's `tracestate`, passed on as it came. */
  state: string
}>

// Version, trace, parent, flags. A later version may say more after them.
const TRACEPARENT =
  /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

/** The caller's place in a trace; null when the header is missing or not valid. */
export function parseTraceparent(
  header: string | undefined
): { traceId: string; spanId: string; isSampled: boolean } | null {
  const [, version, traceId, spanId, flags, rest] = TRACEPARENT.exec(header ?? '') ?? []
  if (traceId === undefined || spanId === undefined || flags === undefined) return null
  if (version === '00' && rest !== undefined) return null
  return { traceId, spanId, isSampled: (parseInt(flags, 16) & 1) === 1 }
}

export const writeTraceparent = (context: Pick<TraceContext, 'traceId' | 'spanId' | 'isSampled'>) =>
  `00-${context.traceId}-${context.spanId}-${context.isSampled ? '01' : '00'}`
