import type { LlmSpec } from '@trestle/contract'
import type { Clock } from '../../kernel/clock.ts'
import { sortableId } from '../../kernel/ids.ts'
import { fail } from '../../platform/errors.ts'
import {
  isSameSettings,
  optionsOf,
  settingsOf,
  type EndpointSettings,
  type StoredEndpoint,
  type VariantOptions,
  type VariantRecord,
} from './endpoint.ts'
import { toVariantRecord, type Fleet, type LiveVariant } from './fleet.ts'
import { safeName } from './llm/backend.ts'
import type { PromptSource, PromptTemplate } from './llm/prompt.ts'
import {
  outsideFields,
  outsideName,
  outsideOf,
  type OutsideInput,
  type OutsideSource,
} from './outside-source.ts'
import type { LoadSource, ModelLoader, ServedModel } from './served-model.ts'
import type { ServingStore } from './store.ts'
import { findTrafficFault, type Traffic } from './traffic.ts'

export type NewEndpoint = Readonly<
  {
    project: string
    name: string
    /** Of the first variant; it gets all traffic. One of `model`, `llm` and the outside sources is given. */
    model?: string | undefined
    llm?: LlmSpec | null | undefined
    variant?: string | undefined
  } & EndpointSettings &
    OutsideInput &
    Partial<VariantOptions>
>

/** Changes endpoints: written first, live at once after. */
export interface EndpointControl {
  create(request: NewEndpoint): Promise<void>
  remove(project: string, name: string): Promise<void>
  /** Loads and warms the model, then adds it without traffic. The same variant with the same model again changes nothing. */
  addVariant(at: EndpointName, request: NewVariant): Promise<VariantRecord>
  /** Throws `resource.conflict` while the variant has traffic. */
  removeVariant(at: EndpointName, variant: string): Promise<void>
  /** Setting what is set already changes nothing. */
  setTraffic(at: EndpointName, traffic: Traffic): Promise<void>
  /** Sets what is not variants or traffic. */
  configure(at: EndpointName, settings: EndpointSettings): Promise<void>
  /** Follows what other replicas wrote. */
  reload(): Promise<void>
}

/** What a variant serves: a registered model version, an LLM, a model on another server, a script or a graph. */
export type NewVariant = Readonly<
  {
    variant?: string | undefined
    model?: string | undefined
    llm?: LlmSpec | null | undefined
  } & OutsideInput &
    Partial<VariantOptions>
>

export type EndpointName = Readonly<{ project: string; name: string }>

/** Two writers of one endpoint meet seldom; more misses than this in a row is a fault. */
const MAX_TRIES = 10

export function createEndpointControl(deps: {
  store: ServingStore
  fleet: Fleet
  loader: ModelLoader
  clock: Clock
  /** Throws when an LLM can't be called: a key or an address is missing, or a model of ours does not load. */
  checkLlm: (spec: LlmSpec) => Promise<void>
  prompts: PromptSource
}): EndpointControl {
  const { store, fleet, loader, clock } = deps

  const read = async ({ project, name }: EndpointName): Promise<StoredEndpoint> => {
    const stored = await store.findEndpoint(project, name)
    if (stored === null)
      throw fail('serving.endpoint_not_found', `No endpoint "${name}"`, {
        details: { endpoint: name },
      })
    return stored
  }

  /** Reads, changes and writes an endpoint until nobody came between. `edit` returns its argument to change nothing. */
  const change = async (
    at: EndpointName,
    edit: (stored: StoredEndpoint) => StoredEndpoint,
    loaded?: ReadonlyMap<string, ServedModel>
  ): Promise<void> => {
    for (let i = 0; i < MAX_TRIES; i++) {
      const before = await read(at)
      const edited = edit(before)
      if (edited === before) {
        fleet.put(before, loaded)
        return
      }
      const after = { ...edited, revision: before.revision + 1, updatedAt: clock.now() }
      if (!(await store.updateEndpoint(after))) continue
      fleet.put(after, loaded)
      return
    }
    throw fail('resource.conflict', `Endpoint "${at.name}" is being changed by others; try again`)
  }

  const load = (
    settings: Pick<NewEndpoint, 'project' | 'name' | 'columns' | 'featureService'>,
    request: {
      variant?: string | undefined
      source: LoadSource
      batching: VariantOptions['batching']
    }
  ): Promise<ServedModel> => {
    const { project, columns, featureService } = settings
    // The variant's own name may come from the version that the reference turns out to be; its meter is looked up by then.
    let meter: { onBatch: (rows: number, ms: number) => void } | null = null
    const loading = loader.load({
      project,
      source: request.source,
      columns,
      featureService,
      batching: request.batching,
      onBatch: (rows, ms) => meter?.onBatch(rows, ms),
    })
    return loading.then((served) => {
      meter = fleet.loadSettings(settings, request.variant ?? defaultName(served))
      return served
    })
  }

  /** Brings what a variant serves to life: loads a model, or looks whether an LLM can be called. */
  const open = async (
    settings: Pick<NewEndpoint, 'project' | 'name' | 'columns' | 'featureService'>,
    { model, llm, variant, ...rest }: NewVariant,
    others: StoredEndpoint['variants']
  ): Promise<OpenedVariant> => {
    const { remote, script, graph } = rest
    const options = optionsOf(rest)
    const given = [model, llm, remote, script, graph].filter((one) => one != null)
    if (given.length !== 1)
      throw fail('request.invalid', 'Give a variant one of model, llm, remote, script and graph')
    const outside = outsideOf(rest)
    if (llm != null) {
      await deps.checkLlm(llm)
      const own = outsideIdentity(llm.backends[0]?.model ?? '', others)
      // A prompt's alias may move; the variant keeps the version that it was made with.
      const prompt =
        llm.prompt === null ? null : await deps.prompts.resolve(settings.project, llm.prompt)
      return {
        options,
        served: null,
        llm: prompt === null ? llm : { ...llm, prompt: `${prompt.name}/${prompt.version}` },
        prompt: prompt?.messages ?? null,
        outside: null,
        model: own,
        defaultName: uniqueVariant(safeName(own.name), others),
      }
    }
    if (outside !== null) {
      const own = outsideIdentity(outsideName(outside), others)
      const name = variant ?? uniqueVariant(safeName(own.name), others)
      const served = await load(settings, {
        variant: name,
        batching: options.batching,
        source: { kind: 'outside', outside, model: own },
      })
      return { options, served, llm: null, prompt: null, outside, model: own, defaultName: name }
    }
    const served = await load(settings, {
      variant,
      batching: options.batching,
      source: { kind: 'registered', reference: model ?? '' },
    })
    return {
      options,
      served,
      llm: null,
      prompt: null,
      outside: null,
      model: served.model,
      defaultName: defaultName(served),
    }
  }

  return {
    async create(request) {
      const { project, name } = request
      if ((await store.findEndpoint(project, name)) !== null) throw taken(name)
      const opened = await open(request, request, [])
      const variant = request.variant ?? opened.defaultName
      const now = clock.now()
      const id = sortableId('ep', now)
      const stored: StoredEndpoint = {
        id,
        project,
        name,
        revision: 1,
        ...settingsOf(request),
        variants: [entryOf(variant, opened, now)],
        traffic: { salt: id, weights: [{ variant, basisPoints: 10_000 }], shadows: [] },
        createdAt: now,
        updatedAt: now,
      }
      if (!(await store.insertEndpoint(stored))) {
        await opened.served?.retire()
        throw taken(name)
      }
      fleet.put(stored, loadedOf(variant, opened))
    },

    async remove(project, name) {
      const stored = await read({ project, name })
      await store.deleteEndpoint(stored.id)
      fleet.remove(stored.id)
    },

    async addVariant(at, request) {
      const stored = await read(at)
      const opened = await open(stored, request, stored.variants)
      const name = request.variant ?? opened.defaultName
      const loaded = loadedOf(name, opened)
      try {
        await change(
          at,
          (before) => {
            const old = before.variants.find((variant) => variant.name === name)
            if (old === undefined)
              return {
                ...before,
                variants: [...before.variants, entryOf(name, opened, clock.now())],
              }
            if (isSameSource(old, opened)) return before
            throw fail(
              'resource.already_exists',
              `Variant "${name}" is ${old.model.name}/${old.model.version}; take another name`
            )
          },
          loaded
        )
      } catch (error) {
        await opened.served?.retire()
        throw error
      }
      return toVariantRecord(liveVariant(fleet, at, name))
    },

    removeVariant: (at, variant) =>
      change(at, (stored) => {
        if (!stored.variants.some(({ name }) => name === variant))
          throw fail(
            'serving.variant_not_found',
            `Endpoint "${at.name}" has no variant "${variant}"`
          )
        if (hasTraffic(stored.traffic, variant))
          throw fail(
            'resource.conflict',
            `Variant "${variant}" has traffic; move its traffic first`,
            { details: { variant } }
          )
        const { weights, shadows } = stored.traffic
        return {
          ...stored,
          variants: stored.variants.filter(({ name }) => name !== variant),
          traffic: {
            ...stored.traffic,
            weights: weights.filter((weight) => weight.variant !== variant),
            shadows: shadows.filter((shadow) => shadow.variant !== variant),
          },
        }
      }),

    setTraffic: (at, traffic) =>
      change(at, (stored) => {
        const fault = findTrafficFault(
          traffic,
          stored.variants.map(({ name }) => name)
        )
        if (fault !== null) throw fail('request.invalid', fault)
        requireReady(fleet, { stored, traffic })
        return isSameTraffic(stored.traffic, traffic) ? stored : { ...stored, traffic }
      }),

    configure: (at, settings) =>
      change(at, (stored) =>
        isSameSettings(stored, settings) ? stored : { ...stored, ...settingsOf(settings) }
      ),

    async reload() {
      const known = fleet.all() // before the list is read: one made meanwhile is not in it
      const stored = await store.listEndpoints()
      const ids = new Set(stored.map(({ id }) => id))
      for (const endpoint of known)
        if (!ids.has(endpoint.stored.id)) fleet.remove(endpoint.stored.id)
      for (const endpoint of stored) fleet.put(endpoint)
    },
  }
}

/** A variant that is not ready may keep the traffic it has and lose some, but gets none more. */
function requireReady(
  fleet: Fleet,
  { stored, traffic }: { stored: StoredEndpoint; traffic: Traffic }
): void {
  const live = fleet.find(stored.project, stored.name)
  for (const { variant, basisPoints } of traffic.weights) {
    const before = stored.traffic.weights.find((weight) => weight.variant === variant)
    if (basisPoints <= (before?.basisPoints ?? 0)) continue
    const state = live?.variants.get(variant)?.state
    if (state !== undefined && state !== 'ready' && state !== 'evicted')
      throw fail(
        'serving.not_ready',
        `Variant "${variant}" is ${state} and can take no traffic yet`
      )
  }
}

function liveVariant(fleet: Fleet, at: EndpointName, name: string): LiveVariant {
  const variant = fleet.find(at.project, at.name)?.variants.get(name)
  if (variant === undefined)
    throw fail('serving.variant_not_found', `Variant "${name}" was removed meanwhile`)
  return variant
}

type OpenedVariant = Readonly<{
  options: VariantOptions
  served: ServedModel | null
  llm: LlmSpec | null
  outside: OutsideSource | null
  prompt: PromptTemplate | null
  model: Readonly<{ name: string; version: number }>
  defaultName: string
}>

const loadedOf = (name: string, { served }: OpenedVariant): ReadonlyMap<string, ServedModel> =>
  new Map(served === null ? [] : [[name, served]])

const entryOf = (
  name: string,
  { model, llm, prompt, outside, options }: OpenedVariant,
  addedAt: number
): StoredEndpoint['variants'][number] => ({
  name,
  model,
  llm,
  prompt,
  ...outsideFields(outside),
  ...options,
  addedAt,
})

/** What is not in our registry is known by its name elsewhere; each further variant of the same name is a version of it. */
function outsideIdentity(
  name: string,
  others: StoredEndpoint['variants']
): { name: string; version: number } {
  const versions = others
    .filter(({ model }) => model.name === name)
    .map(({ model }) => model.version)
  return { name, version: Math.max(0, ...versions) + 1 }
}

function uniqueVariant(name: string, others: StoredEndpoint['variants']): string {
  let unique = name
  for (let i = 2; others.some((other) => other.name === unique); i++) unique = `${name}-${i}`
  return unique
}

const isSameSource = (
  old: StoredEndpoint['variants'][number],
  { llm, outside, model, options }: OpenedVariant
): boolean =>
  JSON.stringify(optionsOf(old)) === JSON.stringify(options) &&
  (llm === null && outside === null
    ? old.model.name === model.name && old.model.version === model.version
    : JSON.stringify([old.llm ?? null, outsideOf(old)]) === JSON.stringify([llm, outside]))

const defaultName = (served: ServedModel): string => `v${served.model.version}`

const taken = (name: string) =>
  fail('resource.already_exists', `There is an endpoint "${name}"`, { details: { endpoint: name } })

const hasTraffic = ({ weights, shadows }: Traffic, variant: string): boolean =>
  weights.some((weight) => weight.variant === variant && weight.basisPoints > 0) ||
  shadows.some((shadow) => shadow.variant === variant && shadow.share > 0)

function isSameTraffic(a: Traffic, b: Traffic): boolean {
  const text = ({ salt, weights, shadows }: Traffic): string =>
    JSON.stringify([
      salt,
      weights.map((w) => [w.variant, w.basisPoints]).toSorted(),
      shadows.map((s) => [s.variant, s.share]).toSorted(),
    ])
  return text(a) === text(b)
}
