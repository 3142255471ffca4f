import type { z } from 'zod'
import { invalidParameter } from './mlflow-error.ts'

/**
 * Parses a request as MLflow would: the first fault, in its words. `Missing value for required parameter 'name'.` and
 * `Invalid value 123 for parameter 'name' supplied` are what clients and their tests look for (mlflow/server/handlers.py).
 */
export function parseFields<T extends z.ZodType>(schema: T, fields: unknown): z.output<T> {
  const parsed = schema.safeParse(fields)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const path = issue?.path ?? []
  const value = path.reduce<unknown>(
    (node, key) =>
      typeof node === 'object' && node !== null
        ? (node as Record<PropertyKey, unknown>)[key]
        : undefined, // only read
    fields
  )
  const name = path
    .map((key) => (typeof key === 'number' ? `[${key}]` : String(key)))
    .join('.')
    .replaceAll('.[', '[')
  if (value === undefined || value === null || (value === '' && issue?.code === 'too_small'))
    throw invalidParameter(`Missing value for required parameter '${name}'.`)
  throw invalidParameter(
    `Invalid value ${JSON.stringify(value).slice(0, 200)} for parameter '${name}' supplied: ${issue?.message ?? 'not valid'}`
  )
}
