import type { FeatureChange, FeatureManifest } from '@trestle/contract'
import type { Clock } from '../../../kernel/clock.ts'
import { fail } from '../../../platform/errors.ts'
import {
  NOTHING_DECLARED,
  versionOf,
  type Definitions,
  type ServiceRecord,
  type Storage,
  type ViewRecord,
} from './model.ts'
import { planAggregates, type AggregatePlan } from '../aggregate/plan.ts'
import { planApply } from './plan-apply.ts'
import type { DefinitionStore } from './store.ts'

/** Where rows of a storage go online: as they are, or folded into states. `id` is the number under which the online store keeps them. */
export type Feed = Readonly<
  { kind: 'rows'; id: number } | { kind: 'states'; id: number; plan: AggregatePlan }
>

/** The definitions of every project, in memory, so that an online read asks no database. Written through on apply. */
export function createCatalog(deps: { store: DefinitionStore; clock: Clock }) {
  let projects = new Map<string, Definitions>()
  let storages = new Map<number, Storage>()
  let feeds = new Map<number, readonly Feed[]>()
  const building = new Map<number, readonly Feed[]>()
  let applying: Promise<unknown> = Promise.resolve()
  let generation = 0

  const load = async (): Promise<void> => {
    projects = await deps.store.load()
    feeds = new Map()
    storages = new Map([...projects.values()].flatMap((d) => [...d.storages]))
    generation += 1
  }
  const of = (project: string): Definitions => projects.get(project) ?? NOTHING_DECLARED

  const serially = <T>(work: () => Promise<T>): Promise<T> => {
    const result = applying.then(work)
    applying = result.catch(() => undefined)
    return result
  }

  const apply = async (
    project: string,
    manifest: FeatureManifest,
    dryRun: boolean
  ): Promise<readonly FeatureChange[]> => {
    const plan = planApply(of(project), manifest, {
      project,
      now: deps.clock.now(),
      nextStorageId: await deps.store.nextStorageId(),
    })
    if (!dryRun && plan.writes.rows.length > 0) {
      await deps.store.write(plan.writes)
      await load()
    }
    return plan.changes
  }

  return {
    load,
    of,
    /** Grows with every change, so that compiled plans know when they are old. */
    generation: (): number => generation,
    projects: (): Iterable<string> => projects.keys(),
    storage: (id: number): Storage | undefined => storages.get(id),
    /** Applies run one after the other. */
    apply(request: {
      project: string
      manifest: FeatureManifest
      dryRun: boolean
    }): Promise<readonly FeatureChange[]> {
      return serially(() => apply(request.project, request.manifest, request.dryRun))
    },
    view(project: string, name: string, version: number | null = null): ViewRecord {
      const view = versionOf(of(project).views.get(name), version)
      if (view === undefined)
        throw fail(
          'features.view_not_found',
          `There is no feature view "${name}${version === null ? '' : `@v${version}`}" in project "${project}"`,
          {
            details: { view: name },
          }
        )
      return view
    },
    /** By name, in its newest version, or as `name@v2`. */
    service(project: string, reference: string): ServiceRecord {
      const [, name = reference, version] = /^(.+)@v(\d+)$/.exec(reference) ?? []
      const service = versionOf(
        of(project).services.get(name),
        version === undefined ? null : Number(version)
      )
      if (service === undefined)
        throw fail(
          'features.service_not_found',
          `There is no feature service "${reference}" in project "${project}"`,
          {
            details: { service: reference },
          }
        )
      return service
    },
    /** How long after its event time a storage's row can matter online, to any version of its view. Null: for ever. */
    keepMs(storage: Storage): number | null {
      const ttls = (of(storage.project).views.get(storage.view) ?? [])
        .filter((v) => v.storageId === storage.id)
        .map((v) => v.ttlMs)
      return ttls.length === 0 || ttls.includes(null)
        ? null
        : Math.max(...ttls.map(Number)) + KEPT_PAST_TTL_MS
    },
    storages: (): Iterable<Storage> => storages.values(),
    transformSources: (): Set<string> =>
      new Set(
        [...projects.values()].flatMap((definitions) =>
          [...definitions.onDemand.values()].flat().flatMap((v) => v.transform?.source ?? [])
        )
      ),
    /** What online reads of any version need of a storage's rows. */
    feeds(storage: Storage): readonly Feed[] {
      const known = feeds.get(storage.id)
      if (known !== undefined) return known
      const versions = (of(storage.project).views.get(storage.view) ?? []).filter(
        (v) => v.storageId === storage.id && v.online
      )
      const made: Feed[] = versions.flatMap((v): Feed[] =>
        v.stateId === null
          ? []
          : [{ kind: 'states', id: v.stateId, plan: planAggregates(v.features, storage.columns) }]
      )
      if (versions.some((v) => v.stateId === null)) made.push({ kind: 'rows', id: storage.id })
      made.push(...(building.get(storage.id) ?? []))
      const distinct = [...new Map(made.map((feed) => [feed.id, feed])).values()]
      feeds.set(storage.id, distinct)
      return distinct
    },
    /** Makes states anew under a number of their own while the old ones are read; pushes go into both, and readers change over when `fill` is done. */
    async rebuildStates(
      storage: Storage,
      feed: Extract<Feed, { kind: 'states' }>,
      fill: (fresh: Feed) => Promise<void>
    ): Promise<void> {
      const fresh = { ...feed, id: await serially(() => deps.store.reserveId()) }
      building.set(storage.id, [...(building.get(storage.id) ?? []), fresh])
      feeds = new Map()
      try {
        await fill(fresh)
        await serially(async () => {
          await deps.store.moveStates(storage.project, { from: feed.id, to: fresh.id })
          await load()
        })
      } finally {
        building.delete(storage.id)
        feeds = new Map()
      }
    },
    storageOf(view: ViewRecord): Storage {
      const storage = storages.get(view.storageId)
      if (storage === undefined)
        throw new Error(`View ${view.name} has no storage ${view.storageId}`)
      return storage
    },
  }
}
/** A value past its ttl is still told apart from one that never was, for so long. */
const KEPT_PAST_TTL_MS = 7 * 86_400_000

export type Catalog = ReturnType<typeof createCatalog>
