import type { TraceContext } from './trace-context.ts'

export type AttributeValue = string | number | boolean | readonly string[]
/** Null and undefined are left out. */
export type Attributes = Readonly<Record<string, AttributeValue | null | undefined>>

/** A finished piece of work. Times are epoch ms, with fractions. */
export type FinishedSpan = Readonly<{
  context: Pick<TraceContext, 'traceId' | 'spanId' | 'parentSpanId' | 'state'>
  name: string
  kind: 'internal' | 'server' | 'client'
  startMs: number
  endMs: number
  attributes: Attributes
  /** Why it failed; null when it did not. */
  error: string | null
}>
