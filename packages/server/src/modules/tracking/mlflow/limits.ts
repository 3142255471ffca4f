/** What MLflow allows, so that its clients meet the same bounds (mlflow/utils/validation.py). */
import { invalidParameter } from './mlflow-error.ts'

export const MAX = {
  batchMetrics: 1_000,
  batchParams: 100,
  batchTags: 100,
  batchTotal: 1_000,
  keyLength: 250,
  paramLength: 6_000,
  tagLength: 8_000,
  experimentNameLength: 500,
  experimentTagLength: 20_000,
  registryTagLength: 100_000,
  searchRuns: 50_000,
  searchExperiments: 50_000,
  searchModels: 1_000,
  searchVersions: 200_000,
  searchLoggedModels: 1_000,
  historyPage: 25_000,
  bulkRuns: 100,
  bulkPoints: 2_500,
  searchDatasetsExperiments: 20,
  inputTags: 1_000,
} as const

const ENTITY_NAME = /^[/\w.\- :]*$/u

/** Refuses a metric, param or tag key that MLflow would refuse. */
export function checkKey(kind: 'metric' | 'parameter' | 'tag', key: string): void {
  if (key === '')
    throw invalidParameter(
      `Missing value for required parameter 'key'. A ${kind} name must be provided.`
    )
  if (key.length > MAX.keyLength)
    throw invalidParameter(
      `'${key.slice(0, 100)}…' exceeds the maximum length of ${MAX.keyLength} characters for a ${kind} name`
    )
  if (!isEntityName(key)) {
    throw invalidParameter(
      `Invalid ${kind} name: '${key}'. Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colons (:) and slashes (/).`
    )
  }
  if (isUncleanPath(key))
    throw invalidParameter(
      `Invalid ${kind} name: '${key}'. Names may be treated as files in certain cases, and must not resolve to other names when treated as such.`
    )
}

function isEntityName(key: string): boolean {
  return ENTITY_NAME.test(key) || /^[\p{L}\p{N}_/.\- :]*$/u.test(key)
}

/** What `posixpath.normpath` would change, or that leaves the folder. */
function isUncleanPath(key: string): boolean {
  return (
    key.startsWith('/') ||
    key.split('/').some((part) => part === '' || part === '.' || part === '..')
  )
}

/** MLflow cuts long values silently (`MLFLOW_TRUNCATE_LONG_VALUES`). */
export const truncate = (value: string, length: number): string =>
  value.length > length ? value.slice(0, length) : value

/** `max_results` within its bounds, or INVALID_PARAMETER_VALUE. */
export function checkMaxResults(
  value: number | undefined,
  bounds: { byDefault: number; most: number }
): number {
  const asked = value ?? bounds.byDefault
  if (!Number.isInteger(asked) || asked < 1 || asked > bounds.most)
    throw invalidParameter(
      `Invalid value ${asked} for parameter 'max_results' supplied: It must be at least 1 and at most ${bounds.most}`
    )
  return asked
}
