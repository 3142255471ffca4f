import type { MetricPoint } from './run-records.ts'
import { toStored } from './metric-value.ts'

/**
 * The latest point of each metric: the greatest step, then timestamp, then value, whatever the order of arrival
 * (mlflow/store/tracking/sqlalchemy_store.py, `_update_latest_metrics_if_necessary`).
 */
export function latestOf(points: readonly MetricPoint[]): MetricPoint[] {
  const latest = new Map<string, MetricPoint>()
  for (const point of points) {
    const known = latest.get(point.key)
    if (known === undefined || isLater(point, known)) latest.set(point.key, point)
  }
  return [...latest.values()]
}

export function isLater(a: MetricPoint, b: MetricPoint): boolean {
  if (a.step !== b.step) return a.step > b.step
  if (a.timestamp !== b.timestamp) return a.timestamp > b.timestamp
  return toStored(a.value).value > toStored(b.value).value
}
