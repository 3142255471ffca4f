import type { Monitor, MonitorSpec } from '@trestle/contract'
import { specOf, type MonitorRow } from './store.ts'

/** A monitor as it is shown: a reference that was given as rows is not sent back. */
export function toMonitor(row: MonitorRow): Monitor {
  const spec = specOf(row)
  return {
    spec: { ...spec, reference: { kind: spec.reference.kind, detail: describe(spec) } },
    state: row.state,
    summary: row.summary,
    referenceRows: row.reference_rows,
    referenceAt: row.reference_at,
    lastEvaluatedAt: row.last_evaluated_at,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

function describe({ reference: source }: MonitorSpec): string {
  switch (source.kind) {
    case 'window':
      return `from ${new Date(source.from).toISOString()} to ${new Date(source.to).toISOString()}`
    case 'first':
      return `the first ${source.rows} rows after the monitor was made`
    case 'moving':
      return source.windows === 1 ? 'the window before' : `the ${source.windows} windows before`
    case 'hour-of-week':
      return source.weeks === 1
        ? 'the same time a week before'
        : `the same time in the ${source.weeks} weeks before`
    case 'run':
      return `run ${source.runId}, ${source.path ?? 'its training set'}`
    case 'training-set':
      return `training set ${source.name}`
    case 'dataset':
      return `${source.rows.length} rows given`
    case 'csv':
      return 'a CSV file given'
  }
}
