import { z } from 'zod'
import { route } from './route.ts'

/** How long what was deleted can be restored, unless asked otherwise: 30 days. */
export const GRACE_MS = 30 * 86_400_000

export const garbage = {
  collect: route({
    method: 'POST',
    path: '/api/garbage-collection',
    role: 'admin',
    tag: 'Tracking',
    summary: 'Remove for good what was deleted long ago, and the files that nothing uses',
    description:
      'Of every project: deleted runs, logged models, versions and experiments past their grace time, then all bytes that nothing refers to. What a registered version came from stays. Runs by itself once a day.',
    body: z.object({
      /** What was deleted less long ago stays. */
      graceMs: z.number().int().min(0).default(GRACE_MS),
      /** Removes nothing; counts what could go now. */
      isDryRun: z.boolean().default(false),
    }),
    response: z.object({
      runs: z.number().int(),
      loggedModels: z.number().int(),
      experiments: z.number().int(),
      blobs: z.number().int(),
      bytes: z.number().int(),
    }),
  }),
}
