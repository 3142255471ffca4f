import { z } from 'zod'

/** RFC 9457 problem details, with Trestle's stable `code`. */
export const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
  requestId: z.string(),
  details: z.record(z.string(), z.unknown()).optional(),
})
export type Problem = z.infer<typeof problem>
