import { hourOf } from '../../kernel/hour.ts'
import type { InferenceCompleted } from '../serving/index.ts'
import type { CostTables } from './tables.ts'

export type UsageRow = CostTables['cost_usage']
export type Device = UsageRow['device']

/** Everything that tells one usage row from another. */
export const usageKeyOf = (row: UsageRow): string =>
  JSON.stringify([
    row.hour,
    row.project,
    row.endpoint_id,
    row.endpoint,
    row.variant,
    row.model_name,
    row.model_version,
    row.role,
    row.api_key_id,
    row.device,
  ])

/** What one request used. Time is kept in whole microseconds, so that sums are exact. */
export function toUsage(event: InferenceCompleted): UsageRow {
  return {
    hour: hourOf(event.at),
    project: event.project,
    endpoint_id: event.endpointId,
    endpoint: event.endpoint,
    variant: event.variant,
    model_name: event.model.name,
    model_version: event.model.version,
    role: event.role,
    api_key_id: event.apiKeyId ?? '',
    device: event.device,
    requests: 1,
    predictions: event.status === 'ok' ? event.rows : 0,
    busy_us: Math.max(0, Math.round(event.busyMs * 1_000)),
  }
}

/** Usage summed by row, waiting for the ledger. */
export function createMeter() {
  let rows = new Map<string, UsageRow>()
  return {
    add(row: UsageRow): void {
      const key = usageKeyOf(row)
      const known = rows.get(key)
      if (known === undefined) rows.set(key, { ...row })
      else {
        known.requests += row.requests
        known.predictions += row.predictions
        known.busy_us += row.busy_us
      }
    },
    isEmpty: (): boolean => rows.size === 0,
    /** Takes what was summed, and begins anew. */
    take(): UsageRow[] {
      const taken = [...rows.values()]
      rows = new Map()
      return taken
    },
  }
}
