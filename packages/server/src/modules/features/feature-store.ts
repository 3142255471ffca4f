import type {
  ConsistencyReport,
  FeatureChange,
  FeatureManifest,
  TrainingSet,
} from '@trestle/contract'
import type { Clock } from '../../kernel/clock.ts'
import { sortableId } from '../../kernel/ids.ts'
import type { BlobStore } from '../../platform/blobs/index.ts'
import type { Catalog } from './definitions/catalog.ts'
import type { DefinitionStore } from './definitions/store.ts'
import { createConsistencyChecker, type FeatureInconsistency } from './consistency/checker.ts'
import { createSampler } from './consistency/sampler.ts'
import type { ServedLog } from './consistency/served-log.ts'
import type { ConsistencyStore } from './consistency/store.ts'
import type { Topic } from '../../platform/events/topic.ts'
import { createStatistics } from './discovery/statistics.ts'
import type { Usage } from './discovery/usage.ts'
import { createHistorical, type EntityInput, type HistoricalRows } from './historical.ts'
import { createMaterializer } from './materialize.ts'
import type { DuckDb } from '../../platform/duckdb/index.ts'
import { createInstants } from './instants.ts'
import type { OfflineStore } from './offline/offline-store.ts'
import type { PointInTimeMode, PointInTimePlan } from './offline/point-in-time.ts'
import { createArrivals } from './online/arrivals.ts'
import type { OnlineStore } from './online/online-store.ts'
import { readOnline, type OnlineValues } from './online/read-online.ts'
import {
  readKeyColumns,
  readTexts,
  textPlanOf,
  type ReadTexts,
  type TextPlan,
} from './online/read-texts.ts'
import type { Value } from './value.ts'
import { createPush } from './push.ts'
import type { SourceFiles } from './sources/source-files.ts'
import { runTransforms, type Transforms } from './on-demand/transforms.ts'
import { resolveSelection, type Selection, type Wanted } from './selection.ts'

const MAX_PLANS = 1_000
const DAY_MS = 86_400_000

export type OnlineQuery = Readonly<{
  project: string
  wanted: Wanted
  rows: readonly Readonly<Record<string, unknown>>[]
  now: number
  deadlineMs?: number | undefined
}>

export type OnlineTexts = Readonly<{
  plan: TextPlan
  reads: readonly ReadTexts[]
  keys: ReadonlyMap<string, readonly Value[]>
  count: number
}>

export type HistoricalQuery = Readonly<{
  project: string
  wanted: Wanted
  entities: EntityInput
  mode: PointInTimeMode
  /** Instead of the plan that is fastest: for tests and measurements. */
  plan?: PointInTimePlan
}>

const requestOf = (selection: Selection, query: HistoricalQuery) => ({
  selection,
  entities: query.entities,
  mode: query.mode,
  ...(query.plan === undefined ? {} : { plan: query.plan }),
})

/** The use cases of the feature store, free of HTTP. */
export function createFeatureStore(deps: {
  catalog: Catalog
  definitions: DefinitionStore
  offline: OfflineStore
  online: OnlineStore
  sources: SourceFiles
  duckdb: DuckDb
  blobs: BlobStore
  transforms: Transforms
  clock: Clock
  temporaryDir: string
  served: ServedLog
  usage: Usage
  consistencyStore: ConsistencyStore
  /** How many served values of entities a minute are kept to be checked; 0 for none. */
  sampledRowsPerMinute: number
  inconsistent: Topic<FeatureInconsistency>
}) {
  const { catalog, definitions, offline, online, clock } = deps
  const instants = createInstants(clock)
  const arrivals = createArrivals(online)
  const materializer = createMaterializer({ ...deps, arrivals })
  const joins = createHistorical(deps)
  const plans = new Map<string, Selection>()
  let plansOf = -1

  /** What a request stands for; worked out once per service or list of references, and anew after an apply. */
  const select = (project: string, wanted: Wanted): Selection => {
    if (plansOf !== catalog.generation()) {
      plans.clear()
      plansOf = catalog.generation()
    }
    const id = `${project}\n${wanted.fullNames === true ? 'full' : ''}\n${wanted.service === undefined ? `:${wanted.features.join('\n')}` : wanted.service}`
    const known = plans.get(id)
    if (known !== undefined) return known
    const selection = resolveSelection(catalog, project, wanted)
    if (plans.size >= MAX_PLANS) plans.delete(plans.keys().next().value ?? '')
    plans.set(id, selection)
    return selection
  }

  const { usage } = deps
  const statistics = createStatistics(deps)
  const sampler = createSampler({ clock, rowsPerMinute: deps.sampledRowsPerMinute })
  const checker = createConsistencyChecker({
    sampler,
    log: deps.served,
    store: deps.consistencyStore,
    joins,
    select,
    inconsistent: deps.inconsistent,
    clock,
  })

  return {
    catalog,
    checker,
    /** Makes the definitions what the manifest says. Transforms are tried first. */
    async apply(request: {
      project: string
      manifest: FeatureManifest
      dryRun: boolean
    }): Promise<readonly FeatureChange[]> {
      for (const view of request.manifest.onDemandViews) await deps.transforms.check(view)
      const changes = await catalog.apply(request)
      deps.transforms.keepOnly(catalog.transformSources())
      return changes
    },
    /** How served values compared with the history, per view version. */
    async consistency(
      project: string,
      {
        view,
        service,
        since,
      }: { view?: string | undefined; service?: string | undefined; since?: number | undefined }
    ): Promise<ConsistencyReport> {
      if (view !== undefined) catalog.view(project, view)
      const reads = service === undefined ? null : select(project, { service }).reads
      const items = await deps.consistencyStore.since(project, since ?? clock.now() - DAY_MS)
      return {
        items: items.filter(
          (item) =>
            (view === undefined || item.view === view) &&
            (reads === null ||
              reads.some((r) => r.view.name === item.view && r.view.version === item.version))
        ),
        waiting: checker.waiting(),
        dropped: sampler.dropped(),
      }
    },
    viewNames: (project: string): string[] => [...catalog.of(project).views.keys()],
    offlineFacts: (storage: number) => offline.log.facts(storage),
    onlineCount: (feed: number) => online.count(feed),
    watermark: (feed: number) => online.watermark(feed),
    /** The instant of a read, in milliseconds with microseconds as their fraction: no push has it. */
    now: () => instants.nextUs() / 1000,
    select,
    online({
      project,
      wanted,
      rows,
      now,
      deadlineMs,
    }: OnlineQuery): OnlineValues | Promise<OnlineValues> {
      const selection = select(project, wanted)
      usage.count(selection, rows.length)
      return readOnline(online, selection, {
        rows,
        now,
        sampler,
        deadlineMs,
        transform: (values) => runTransforms(deps.transforms, selection, values),
      })
    },
    /** The same, for answers that are written without a value being made; null where that can't be. */
    onlineTexts(
      selection: Selection,
      { columns, now }: { columns: Readonly<Record<string, unknown>>; now: number }
    ): OnlineTexts | Promise<OnlineTexts> | null {
      const plan = textPlanOf(selection)
      const keys = plan === null ? null : readKeyColumns(selection, columns)
      const count = keys?.values().next().value?.length
      if (plan === null || keys === null || count === undefined) return null
      usage.count(selection, count)
      const found = readTexts(online, plan, { keys, count, now, sampler })
      const answer = (reads: readonly ReadTexts[]) => ({ plan, reads, keys, count })
      return found instanceof Promise ? found.then(answer) : answer(found)
    },
    usage,
    statistics,
    push: createPush({ ...deps, arrivals, instants }),
    catchUp: () => materializer.catchUp(),
    materialize: materializer.materialize,
    progress: materializer.progress,

    async historical(query: HistoricalQuery): Promise<HistoricalRows> {
      const selection = select(query.project, query.wanted)
      await materializer.importSources(selection.reads.map((r) => r.view))
      return joins.rows(requestOf(selection, query))
    },

    async createTrainingSet(query: HistoricalQuery & { name: string }): Promise<TrainingSet> {
      const selection = select(query.project, query.wanted)
      await materializer.importSources(selection.reads.map((r) => r.view))
      const file = await joins.file(requestOf(selection, query))
      const set: TrainingSet = {
        name: query.name,
        ...file,
        columns: file.columns.map((c) => ({ ...c })),
        mode: query.mode,
        service: selection.service === null ? null : `${selection.service}@v${selection.version}`,
        views: selection.reads.map((r) => `${r.view.name}@v${r.view.version}`),
        createdAt: clock.now(),
      }
      await definitions.insertTrainingSet({
        id: sortableId('tset', set.createdAt),
        project: query.project,
        set,
      })
      return set
    },
    trainingSets: (project: string) => definitions.listTrainingSets(project),

    /** Moves pushed rows into Parquet where enough have gathered. */
    compact: (atLeast?: number): Promise<void> =>
      offline.isCompactionDue(atLeast)
        ? materializer.exclusive(() =>
            offline.compactWhereDue((id) => catalog.storage(id), atLeast)
          )
        : Promise.resolve(),
    /** Forgets online rows that no version's ttl lets anybody see. */
    async expire(): Promise<void> {
      for (const storage of catalog.storages()) {
        const keepMs = catalog.keepMs(storage)
        if (keepMs !== null) await online.expire(storage.id, (clock.now() - keepMs) * 1000)
      }
    },
    /** When nothing runs in the background. */
    settled: (): Promise<void> => materializer.exclusive(async () => {}),
  }
}
export type FeatureStore = ReturnType<typeof createFeatureStore>
