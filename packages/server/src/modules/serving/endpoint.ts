import type { LlmSpec } from '@trestle/contract'
import type { PromptTemplate } from './llm/prompt.ts'
import type { OutsideFields, OutsideInput } from './outside-source.ts'
import type { Traffic } from './traffic.ts'

/**
 * `evicted`: freed for others, and loaded again by the next request. `unloaded`: freed by hand, and loaded again by hand.
 *
 *   loading ──► ready ──► evicted ──► loading
 *      │          └─────► unloaded ──► loading
 *      └──► failed ──► loading (every 30 s)
 */
export type VariantState = 'loading' | 'ready' | 'failed' | 'evicted' | 'unloaded'

/** One served model version under its endpoint's name for it. */
export type VariantRecord = Readonly<
  {
    name: string
    model: Readonly<{ name: string; version: number }>
    /** Of an LLM: its backends and how calls are made; null for a model that runs here. */
    llm: LlmSpec | null
    state: VariantState
    /** Why it failed; null otherwise. */
    error: string | null
    addedAt: number
  } & OutsideFields
>

/** A stable name that predictions are asked of, with the model versions behind it. */
export type EndpointRecord = Readonly<{
  id: string
  project: string
  name: string
  featureService: string | null
  stickyKey: string | null
  /** Names of the columns of a model with one stacked input, when its signature does not give them. */
  columns: readonly string[] | null
  variants: readonly VariantRecord[]
  traffic: Traffic
  createdAt: number
  updatedAt: number
}>

/** What of an endpoint outlives the process. `revision` counts its changes. */
export type StoredEndpoint = Readonly<
  Omit<EndpointRecord, 'variants'> & {
    revision: number
    variants: readonly Readonly<
      Pick<VariantRecord, 'name' | 'model' | 'addedAt'> & {
        llm?: LlmSpec | null
        /** The messages of an LLM's prompt, as they were when the variant was made. */
        prompt?: PromptTemplate | null
      } & OutsideInput
    >[]
  }
>
