import type { Batching, LlmSpec, PayloadLogger, ResponseCache } from '@trestle/contract'
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

/** How a variant is served, where that is not as the server has it. */
export type VariantOptions = Readonly<{ batching: Batching | null; cache: ResponseCache | null }>

export const optionsOf = ({
  batching = null,
  cache = null,
}: Partial<VariantOptions>): VariantOptions => ({
  batching,
  cache,
})

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
  } & OutsideFields &
    VariantOptions
>

/** What of an endpoint is neither its variants nor its traffic. */
export type EndpointSettings = Readonly<{
  featureService: string | null
  stickyKey: string | null
  /** Names of the columns of a model with one stacked input, when its signature does not give them. */
  columns: readonly string[] | null
  /** Where copies of requests and answers go as CloudEvents; null: nowhere. */
  logger: PayloadLogger | null
}>

/** A stable name that predictions are asked of, with the model versions behind it. */
export type EndpointRecord = EndpointSettings &
  Readonly<{
    id: string
    project: string
    name: string
    variants: readonly VariantRecord[]
    traffic: Traffic
    createdAt: number
    updatedAt: number
  }>

export const NO_SETTINGS: EndpointSettings = {
  featureService: null,
  stickyKey: null,
  columns: null,
  logger: null,
}

export const settingsOf = ({
  featureService,
  stickyKey,
  columns,
  logger,
}: EndpointSettings): EndpointSettings => ({ featureService, stickyKey, columns, logger })

/** What of an endpoint outlives the process. `revision` counts its changes. */
export type StoredEndpoint = Readonly<
  Omit<EndpointRecord, 'variants'> & {
    revision: number
    variants: readonly Readonly<
      Pick<VariantRecord, 'name' | 'model' | 'addedAt'> & {
        llm?: LlmSpec | null
        /** The messages of an LLM's prompt, as they were when the variant was made. */
        prompt?: PromptTemplate | null
      } & OutsideInput &
        Partial<VariantOptions>
    >[]
  }
>

export const isSameSettings = (a: EndpointSettings, b: EndpointSettings): boolean =>
  JSON.stringify(settingsOf(a)) === JSON.stringify(settingsOf(b))
