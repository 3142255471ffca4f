import { z } from 'zod'

/** KServe's inference logger: a copy of what is asked and answered, sent as CloudEvents. */
export const payloadLogger = z.strictObject({
  url: z.url({ protocol: /^https?$/ }).max(2_000),
  mode: z.enum(['all', 'request', 'response']).default('all'),
})

export type PayloadLogger = z.output<typeof payloadLogger>
