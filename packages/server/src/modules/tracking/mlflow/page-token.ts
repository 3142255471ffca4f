import { z } from 'zod'
import { invalidParameter } from './mlflow-error.ts'

/** The sort values of the last row of a page. */
export type Cursor = readonly (string | number)[]

const schema = z.object({ q: z.string(), after: z.array(z.union([z.string(), z.number()])) })

/**
 * An opaque page token that names the last row seen, not a count of rows: rows that come or go between two pages are neither
 * repeated nor skipped. `query` ties it to its question, so that it can't be used with another.
 */
export function encodePageToken(query: string, after: Cursor): string {
  return Buffer.from(JSON.stringify({ q: query, after })).toString('base64url')
}

/** The cursor in a token; null without one. Throws INVALID_PARAMETER_VALUE for a token of ours from another query, or of nobody's. */
export function decodePageToken(token: string | undefined, query: string): Cursor | null {
  if (token === undefined || token === '') return null
  const parsed = schema.safeParse(readJson(Buffer.from(token, 'base64url').toString('utf8')))
  if (!parsed.success) throw invalidParameter(`Invalid page token: ${token.slice(0, 100)}`)
  if (parsed.data.q !== query)
    throw invalidParameter('This page token belongs to a query with another filter or order_by')
  return parsed.data.after
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
