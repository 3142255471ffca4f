import { z } from 'zod'

/** A version number, which MLflow writes as a string. */
export const versionNumber = z.preprocess(
  (value) => (typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value),
  z.int('must be an integer')
)

/** A repeated field of a query string. */
export const listField = z.preprocess(
  (value) => (value === undefined || Array.isArray(value) ? value : [value]),
  z.array(z.string()).default([])
)

export const searchFields = z.object({
  filter: z.string().default(''),
  order_by: listField,
  page_token: z.string().optional(),
  max_results: z.preprocess((v) => (typeof v === 'string' ? Number(v) : v), z.int()).optional(),
})
