import { readFileSync } from 'node:fs'

/** A stream as a provider sends it. */
export const recorded = (name: string): Buffer =>
  readFileSync(new URL(`../fixtures/${name}.sse`, import.meta.url))
