import { z } from 'zod'

/** Names of things people make: safe in paths, URLs and labels. */
export const name = z
  .string()
  .min(1)
  .max(120)
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]*$/,
    'use letters, digits, ".", "_" and "-", and begin with a letter or digit'
  )

/** Epoch milliseconds, UTC. */
export const epochMs = z.int().nonnegative()

/** A page of a list. `nextPageToken` is null on the last page. */
export const page = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), nextPageToken: z.string().nullable() })

/** Query fields of a paged list. */
export const pageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  pageToken: z.string().optional(),
})

/** The answer of a route that returns nothing. */
export const nothing = z.object({})
