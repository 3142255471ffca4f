import type { BusinessValue } from '@trestle/contract'
import type { Clock } from '../../../kernel/clock.ts'
import { fail } from '../../../platform/errors.ts'
import type { EndpointPort, MeanFacts, PredictionPort } from '../ports.ts'
import type { BusinessStore, ValueRow } from './store.ts'

/** What came of predictions, as the business measures it: conversions, revenue, minutes saved. */
export interface Business {
  /** Durable when it returns. A value is of the variant that gave the prediction, at the prediction's moment. */
  push(request: {
    project: string
    endpoint: string
    values: readonly BusinessValue[]
  }): Promise<{ accepted: number; unknown: string[] }>
  mean(query: {
    endpointId: string
    metric: string
    variant: string
    from: number
  }): Promise<MeanFacts>
  /** Deletes what no rollout can ask for any more. */
  prune(): Promise<void>
}

/** A rollout has to be through within 90 days. */
const KEPT_MS = 91 * 86_400_000

export function createBusiness(deps: {
  store: BusinessStore
  endpoints: Pick<EndpointPort, 'get'>
  predictions: PredictionPort
  clock: Clock
}): Business {
  return {
    async push({ project, endpoint: name, values }) {
      const endpoint = await deps.endpoints.get(project, name)
      if (endpoint === null) throw fail('serving.endpoint_not_found', `No endpoint "${name}"`)
      const ids = values.flatMap(({ predictionId }) => predictionId ?? [])
      const found =
        ids.length === 0 ? new Map<string, never>() : await deps.predictions.find(project, ids)
      const unknown: string[] = []
      const rows: ValueRow[] = []
      for (const one of values) {
        const source = sourceOf(one, { found, endpoint, now: deps.clock.now() })
        if (source === null) unknown.push(one.predictionId ?? '')
        else
          rows.push({ endpoint_id: endpoint.id, metric: one.metric, value: one.value, ...source })
      }
      // Twice the same key in one call: the last word counts, as it would in two calls.
      const last = new Map(rows.map((row) => [`${row.metric}\u0000${row.value_key}`, row]))
      await deps.store.put([...last.values()])
      return { accepted: rows.length, unknown }
    },
    mean: (query) => deps.store.mean(query),
    prune: () => deps.store.forgetBefore(deps.clock.now() - KEPT_MS),
  }
}

function sourceOf(
  value: BusinessValue,
  context: {
    found: Awaited<ReturnType<PredictionPort['find']>>
    endpoint: { id: string; name: string; variants: readonly { name: string }[] }
    now: number
  }
): Pick<ValueRow, 'value_key' | 'variant' | 'at'> | null {
  const { endpoint } = context
  const { variant, predictionId } = value
  if (predictionId !== undefined) {
    const prediction = context.found.get(predictionId)
    return prediction?.endpointId === endpoint.id
      ? { value_key: `p:${predictionId}`, variant: prediction.variant, at: prediction.at }
      : null
  }
  if (variant === undefined || !endpoint.variants.some(({ name }) => name === variant))
    throw fail('serving.variant_not_found', `No variant "${variant ?? ''}" on "${endpoint.name}"`)
  return { value_key: `i:${value.id ?? ''}`, variant, at: value.at ?? context.now }
}
