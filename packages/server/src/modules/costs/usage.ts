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

const isSameRow = (a: UsageRow, b: UsageRow): boolean =>
  a.hour === b.hour &&
  a.project === b.project &&
  a.endpoint_id === b.endpoint_id &&
  a.endpoint === b.endpoint &&
  a.variant === b.variant &&
  a.model_name === b.model_name &&
  a.model_version === b.model_version &&
  a.role === b.role &&
  a.api_key_id === b.api_key_id &&
  a.device === b.device

function addUse(to: UsageRow, row: UsageRow): void {
  to.requests += row.requests
  to.predictions += row.predictions
  to.busy_us += row.busy_us
}

/** Usage summed by row, waiting for the ledger. */
export function createMeter() {
  let rows = new Map<string, UsageRow>()
  // Most requests fall into the row of the one before.
  let last: UsageRow | null = null
  return {
    add(row: UsageRow): void {
      if (last !== null && isSameRow(last, row)) {
        addUse(last, row)
        return
      }
      const key = usageKeyOf(row)
      const known = rows.get(key)
      last = known ?? { ...row }
      if (known === undefined) rows.set(key, last)
      else addUse(known, row)
    },
    isEmpty: (): boolean => rows.size === 0,
    /** Takes what was summed, and begins anew. */
    take(): UsageRow[] {
      const taken = [...rows.values()]
      rows = new Map()
      last = null
      return taken
    },
  }
}
