import type { Payload } from './prepare-inputs.ts'
import type { Tensor } from './tensor.ts'

/** A prediction asked for, whatever protocol it came by. */
export type InferenceRequest = Readonly<{
  project: string
  endpoint: string
  requestId: string
  apiKeyId: string | null
  /** A request header by its lower-case name. */
  header: (name: string) => string | undefined
  /** The variant to answer, by its name or its model version; null leaves it to the traffic. */
  variant: string | null
  /** Null means the server's own limit; a longer one is cut to it. */
  timeoutMs: number | null
  /** 1 goes before 2, and so on; left out or null, in the middle. */
  priority?: number | null
  /** Whether the caller went away. */
  isGone: () => boolean
  payload: Payload
}>

export type InferenceAnswer = Readonly<{
  predictionId: string
  variant: string
  model: Readonly<{ name: string; version: number }>
  rows: number
  outputs: readonly Tensor[]
  /** The same was asked before, and nothing ran. */
  isCached?: true
}>
