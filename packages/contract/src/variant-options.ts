import { z } from 'zod'

/** How a variant's requests wait and run together; what is left out is as the server has it. */
export const batching = z.strictObject({
  /** Rows of one run at most; 1 runs every request by itself. */
  maxRows: z.int().min(1).max(65_536).exactOptional(),
  /** Requests that may wait at most; one more is refused. */
  maxQueued: z.int().min(1).max(1_000_000).exactOptional(),
})

/** Answers of a variant kept by what was asked. */
export const responseCache = z.strictObject({
  /** What they may hold together; the one used longest ago goes first. */
  maxBytes: z
    .int()
    .min(1_024)
    .max(16 * 1024 ** 3)
    .default(64 * 1024 ** 2),
  /** How long one is given. */
  ttlMs: z.int().min(1).max(86_400_000).default(60_000),
})

export type Batching = z.output<typeof batching>
export type ResponseCache = z.output<typeof responseCache>
