import type { Clock } from '../../kernel/clock.ts'
import { messageOf } from '../../kernel/errors.ts'
import type { Logger } from '../../platform/telemetry/logger.ts'
import { createAnswerCache, type AnswerCache } from './answer-cache.ts'
import {
  optionsOf,
  type EndpointRecord,
  type StoredEndpoint,
  type VariantOptions,
  type VariantRecord,
  type VariantState,
} from './endpoint.ts'
import { openLlmVariant, missingKeys, type LlmVariant } from './llm/llm-variant.ts'
import type { KeySource, LlmAccounts } from './llm/ports.ts'
import { outsideFields, outsideOf, type OutsideSource } from './outside-source.ts'
import type { LoadSource, ModelLoader, ServedModel } from './served-model.ts'
import type { ServingMetrics, VariantMeter } from './serving-metrics.ts'
import { createShadowQueue, type ShadowQueue, type ShadowLimits } from './shadow-queue.ts'
import { planTraffic, type TrafficPlan } from './traffic.ts'

export type LiveVariant = {
  readonly name: string
  readonly model: Readonly<{ name: string; version: number }>
  readonly addedAt: number
  readonly meter: VariantMeter
  readonly shadows: ShadowQueue
  state: VariantState
  error: string | null
  failedAt: number
  /** `performance.now()` of the last request. */
  usedAt: number
  /** Evicted, or on its way back since: requests wait for it. */
  isReturning: boolean
  served: ServedModel | null
  /** Of an LLM; null for a model that runs here. */
  llm: LlmVariant | null
  /** What is neither a registered version nor an LLM; null for those. */
  outside: OutsideSource | null
  readonly options: VariantOptions
  /** Answers kept by what was asked; null when the variant has none. */
  readonly answers: AnswerCache | null
}

export type LiveEndpoint = Readonly<{
  stored: StoredEndpoint
  variants: ReadonlyMap<string, LiveVariant>
  plan: TrafficPlan
}>

/**
 * The endpoints in memory: the snapshot that predictions are answered from, whatever the database does. Follows the stored endpoints it is given:
 * loads what is new in the background, swaps traffic in one assignment, frees what is gone once its last request is answered.
 */
export interface Fleet {
  find(project: string, name: string): LiveEndpoint | undefined
  list(project: string): LiveEndpoint[]
  all(): LiveEndpoint[]
  /** Follows a stored endpoint; an older revision than the one here is ignored. Takes over `loaded`, models that the caller has in memory already. */
  put(stored: StoredEndpoint, loaded?: ReadonlyMap<string, ServedModel>): void
  remove(id: string): void
  /** Loads failed variants again whose last try is older than `ageMs`. */
  retryFailed(ageMs: number): void
  /** Brings an evicted variant back and resolves when it is ready or has failed; at once for every other. */
  wake(endpoint: LiveEndpoint, variant: LiveVariant): Promise<void>
  /** Loads again what of an endpoint is not in memory, and resolves when that is done. */
  load(endpoint: LiveEndpoint): Promise<void>
  /** Frees the models of an endpoint on this server until they are loaded again; requests under way are finished. Resolves when the memory is free. */
  unload(endpoint: LiveEndpoint): Promise<void>
  /** Frees the model that was idle longest; false when there is none. Resolves when its memory is free. */
  evictIdlest(): Promise<boolean>
  /** Names of variants with traffic that are not in memory yet. */
  pending(): string[]
  loadSettings(
    endpoint: { project: string; name: string },
    variant: string
  ): { onBatch: (rows: number, ms: number) => void }
  /** Resolves when every background load has ended. */
  settled(): Promise<void>
  close(): Promise<void>
}

export function createFleet(deps: {
  loader: ModelLoader
  metrics: ServingMetrics
  log: Logger
  shadowLimits: ShadowLimits
  llm: { clock: Clock; keys: KeySource; accounts: LlmAccounts }
}): Fleet {
  const { loader, metrics, log } = deps
  const byName = new Map<string, LiveEndpoint>()
  /** The same by project and name, for the one look that each prediction makes. */
  const finds = new Map<string, Map<string, LiveEndpoint>>()
  const loads = new Set<Promise<void>>()
  const loading = new Map<LiveVariant, Promise<void>>()
  const retirements = new Set<Promise<void>>()
  let isClosed = false

  const retire = (variant: LiveVariant): void => {
    variant.shadows.close()
    void free(variant)
  }
  const free = (variant: LiveVariant): Promise<void> => {
    const { served } = variant
    if (served === null) return Promise.resolve()
    variant.served = null
    const done: Promise<void> = served
      .retire()
      .catch((error: unknown) => log.error({ err: error, variant: variant.name }, 'unloading'))
      .finally(() => retirements.delete(done))
    retirements.add(done)
    return done
  }

  const isCurrent = (stored: StoredEndpoint, variant: LiveVariant): boolean =>
    !isClosed &&
    byName.get(keyOf(stored.project, stored.name))?.variants.get(variant.name) === variant

  const load = (stored: StoredEndpoint, variant: LiveVariant): Promise<void> => {
    variant.state = 'loading'
    const { project, columns, featureService } = stored
    const reference = `${variant.model.name}/${variant.model.version}`
    const source: LoadSource =
      variant.outside === null
        ? { kind: 'registered', reference }
        : { kind: 'outside', outside: variant.outside, model: variant.model }
    const done: Promise<void> = loader
      .load({
        project,
        source,
        columns,
        featureService,
        onBatch: variant.meter.batch,
        batching: variant.options.batching,
      })
      .then(
        async (served) => {
          if (!isCurrent(stored, variant) || variant.served !== null) return served.retire()
          ready(variant, served)
        },
        (error: unknown) => {
          if (variant.served !== null) return
          variant.state = 'failed'
          variant.isReturning = false
          variant.error = messageOf(error)
          variant.failedAt = performance.now()
          log.error(
            { err: error, endpoint: stored.name, variant: variant.name, model: reference },
            'the model does not load'
          )
        }
      )
      .finally(() => {
        loads.delete(done)
        loading.delete(variant)
      })
    loads.add(done)
    loading.set(variant, done)
    return done
  }

  const enlist = (
    stored: StoredEndpoint,
    entry: StoredEndpoint['variants'][number]
  ): LiveVariant => {
    const { name, model, addedAt } = entry
    const missing = entry.llm == null ? [] : missingKeys(entry.llm, deps.llm.keys)
    return {
      name,
      model,
      addedAt,
      meter: metrics.meter({ endpoint: stored.name, variant: name }),
      shadows: createShadowQueue(deps.shadowLimits),
      ...(entry.llm == null
        ? { state: 'loading', error: null }
        : missing.length === 0
          ? { state: 'ready', error: null }
          : { state: 'failed', error: `The server's environment has no ${missing.join(', ')}` }),
      failedAt: 0,
      usedAt: performance.now(),
      isReturning: false,
      served: null,
      llm:
        entry.llm == null
          ? null
          : openLlmVariant(deps.llm, {
              spec: entry.llm,
              endpoint: stored.name,
              prompt: entry.prompt ?? null,
            }),
      outside: outsideOf(entry),
      options: optionsOf(entry),
      answers:
        entry.cache == null ? null : createAnswerCache(entry.cache, () => deps.llm.clock.now()),
    }
  }

  const ready = (variant: LiveVariant, served: ServedModel): void => {
    variant.served = served
    variant.usedAt = performance.now()
    variant.isReturning = false
    variant.state = 'ready'
    variant.error = null
  }
  const adopt = (
    variants: ReadonlyMap<string, LiveVariant>,
    loaded: ReadonlyMap<string, ServedModel> | undefined
  ): void => {
    for (const [name, served] of loaded ?? []) {
      const variant = variants.get(name)
      if (variant?.served === null && isSameModel(variant.model, served.model))
        ready(variant, served)
      else if (variant?.served !== served) void served.retire()
    }
  }

  return {
    find: (project, name) => finds.get(project)?.get(name),
    list: (project) => [...byName.values()].filter(({ stored }) => stored.project === project),
    all: () => [...byName.values()],
    put(stored, loaded) {
      const key = keyOf(stored.project, stored.name)
      const before = byName.get(key)
      if (before?.stored.id === stored.id && before.stored.revision >= stored.revision) {
        adopt(before.variants, loaded)
        return
      }
      const kept =
        before?.stored.id === stored.id && isSameFeed(before.stored, stored)
          ? before.variants
          : new Map<string, LiveVariant>()
      const variants = new Map<string, LiveVariant>()
      const added: LiveVariant[] = []
      for (const entry of stored.variants) {
        const old = kept.get(entry.name)
        const isSame = old?.addedAt === entry.addedAt && isSameModel(old.model, entry.model)
        const variant = isSame ? old : enlist(stored, entry)
        variants.set(entry.name, variant)
        if (variant !== old) added.push(variant)
      }
      adopt(variants, loaded)
      const live: LiveEndpoint = {
        stored,
        variants,
        plan: planTraffic(
          stored.traffic,
          stored.variants.map(({ name }) => name)
        ),
      }
      byName.set(key, live)
      const ofProject = finds.get(stored.project) ?? new Map<string, LiveEndpoint>()
      finds.set(stored.project, ofProject.set(stored.name, live))
      for (const variant of added)
        if (variant.served === null && variant.llm === null) void load(stored, variant)
      for (const variant of before?.variants.values() ?? [])
        if (variants.get(variant.name) !== variant) retire(variant)
    },
    remove(id) {
      for (const [key, endpoint] of byName) {
        if (endpoint.stored.id !== id) continue
        byName.delete(key)
        finds.get(endpoint.stored.project)?.delete(endpoint.stored.name)
        for (const variant of endpoint.variants.values()) retire(variant)
        metrics.forget(endpoint.stored.name)
      }
    },
    retryFailed(ageMs) {
      const before = performance.now() - ageMs
      for (const { stored, variants } of byName.values())
        for (const variant of variants.values())
          if (variant.state === 'failed' && variant.llm === null && variant.failedAt <= before)
            void load(stored, variant)
    },
    async wake({ stored }, variant) {
      while (variant.served === null && variant.isReturning)
        await (loading.get(variant) ?? load(stored, variant))
    },
    async load({ stored, variants }) {
      const own = [...variants.values()].filter(
        ({ llm, served }) => llm === null && served === null
      )
      await Promise.all(own.map((variant) => loading.get(variant) ?? load(stored, variant)))
    },
    async unload({ variants }) {
      await Promise.all(
        [...variants.values()].map((variant) => {
          if (variant.served === null && !variant.isReturning) return Promise.resolve()
          variant.state = 'unloaded'
          variant.isReturning = false
          return free(variant)
        })
      )
    },
    async evictIdlest() {
      let idlest: LiveVariant | null = null
      for (const { variants } of byName.values())
        for (const variant of variants.values())
          if (
            variant.served !== null &&
            variant.served.bytes > 0 &&
            (idlest === null || variant.usedAt < idlest.usedAt)
          )
            idlest = variant
      if (idlest === null) return false
      idlest.state = 'evicted'
      idlest.isReturning = true
      await free(idlest)
      return true
    },
    pending: () =>
      [...byName.values()].flatMap(({ stored, variants, plan }) =>
        plan.ranges
          .filter(({ variant }) => variants.get(variant)?.state === 'loading')
          .map(({ variant }) => `${stored.name}/${variant}`)
      ),
    loadSettings: (endpoint, variant) => ({
      onBatch: metrics.meter({ endpoint: endpoint.name, variant }).batch,
    }),
    async settled() {
      while (loads.size > 0) await Promise.all(loads)
    },
    async close() {
      isClosed = true
      for (const endpoint of byName.values())
        for (const variant of endpoint.variants.values()) retire(variant)
      await Promise.all([...loads, ...retirements])
      await Promise.all(retirements)
    },
  }
}

/** An endpoint as others see it. */
export function toRecord({ stored, variants }: LiveEndpoint): EndpointRecord {
  const { revision: _, ...rest } = stored
  return { ...rest, variants: [...variants.values()].map(toVariantRecord) }
}

export const toVariantRecord = (variant: LiveVariant): VariantRecord => ({
  name: variant.name,
  model: variant.model,
  llm: variant.llm?.spec ?? null,
  ...outsideFields(variant.outside),
  ...variant.options,
  state: variant.state,
  error: variant.error,
  addedAt: variant.addedAt,
})

const keyOf = (project: string, name: string): string => `${project}/${name}`

const isSameModel = (a: LiveVariant['model'], b: LiveVariant['model']): boolean =>
  a.name === b.name && a.version === b.version

/** Whether models loaded for one definition of an endpoint serve the other: how they are fed is decided when they load. */
const isSameFeed = (a: StoredEndpoint, b: StoredEndpoint): boolean =>
  a.featureService === b.featureService && JSON.stringify(a.columns) === JSON.stringify(b.columns)
