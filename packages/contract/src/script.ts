import { z } from 'zod'
import { name } from './names.ts'

/** A model written as code: one TypeScript or JavaScript module that default-exports `{ inputs, outputs, load?, predict }`. */
export const scriptSpec = z.strictObject({
  /** What it is called in the log and in costs. */
  name: name.default('script'),
  /** The module. It imports nothing of its own: it runs apart, without files, processes or the environment. */
  source: z
    .string()
    .min(1)
    .max(512 * 1024),
  /** One call may take this long; then the process is ended and started anew. */
  timeoutMs: z.int().positive().max(600_000).default(1_000),
  /** Memory of its JavaScript heap. */
  memoryMb: z.int().min(16).max(8_192).default(128),
})

export type ScriptSpec = z.output<typeof scriptSpec>
export type ScriptSpecInput = z.input<typeof scriptSpec>
