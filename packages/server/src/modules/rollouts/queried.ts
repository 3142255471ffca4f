import type { Gate } from '@trestle/contract'
import { asksForVariant } from './gates/promql.ts'
import type { QueriedFacts, QueryPort } from './ports.ts'

export type QueryContext = Readonly<{
  endpoint: string
  candidate: string
  baseline: string
  /** Since when the stage's traffic is live. */
  windowMs: number
  hasBaseline: boolean
}>

/** Fills a query's placeholders in and asks it, for both variants where it names `{{variant}}`. */
export async function askQuery(
  queries: QueryPort | null,
  gate: Pick<Gate, 'query'>,
  context: QueryContext
): Promise<QueriedFacts> {
  if (queries === null)
    throw new Error('no Prometheus is set: start the server with TRESTLE_PROMETHEUS_URL')
  const ask = (variant: string): Promise<number | null> =>
    queries.instant(fillIn(gate.query ?? '', { ...context, variant }))
  const [candidate, baseline] = await Promise.all([
    ask(context.candidate),
    asksForVariant(gate) && context.hasBaseline ? ask(context.baseline) : null,
  ])
  return { candidate, baseline }
}

/** A window of less than 15 s holds no two scrapes of the usual interval, so that a rate over it is empty. */
const SHORTEST_WINDOW_S = 15

function fillIn(query: string, context: QueryContext & { variant: string }): string {
  const seconds = Math.max(SHORTEST_WINDOW_S, Math.ceil(context.windowMs / 1_000))
  const values: Readonly<Record<string, string>> = {
    endpoint: context.endpoint,
    candidate: context.candidate,
    baseline: context.baseline,
    variant: context.variant,
    window: `${seconds}s`,
  }
  return query.replaceAll(/\{\{\s*(\w+)\s*\}\}/g, (whole, key: string) => values[key] ?? whole)
}
