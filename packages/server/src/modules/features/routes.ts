import { api, type FeatureService, type FeatureView, type OnDemandView } from '@trestle/contract'
import type { FastifyInstance } from 'fastify'
import { fail } from '../../platform/errors.ts'
import { bindRoutes } from '../../platform/http/index.ts'
import type { OnDemandRecord, ServiceRecord, ViewRecord } from './definitions/model.ts'
import { searchCatalog } from './definitions/search.ts'
import type { Refresher } from './refresh/refresher.ts'
import type { StreamReaders } from './stream/stream-readers.ts'
import { addOnlineRoute } from './online/online-route.ts'
import { addFeastRoutes } from './feast/routes.ts'
import type { FeatureStore } from './feature-store.ts'
import { wantedOf } from './selection.ts'
import { toWire } from './value.ts'

type Shown = Readonly<{ store: FeatureStore; streams: StreamReaders; refresher: Refresher }>

const USAGE_MS = 30 * 86_400_000

/** Reads are written by hand: see addOnlineRoute. */
const { online: _online, ...boundRoutes } = api.features

/** The native routes, and Feast's at `/feast` and the root. */
export function addFeatureRoutes(app: FastifyInstance, parts: Shown): void {
  const { store } = parts
  const { catalog } = store
  bindRoutes(
    app,
    { name: 'features', routes: boundRoutes },
    {
      apply: async ({ manifest, dryRun }, { project }) => ({
        changes: [...(await store.apply({ project, manifest, dryRun }))],
      }),
      listEntities: async (_input, { project }) => ({
        items: [...catalog.of(project).entities.values()],
      }),
      getEntity: async ({ name }, { project }) => {
        const entity = catalog.of(project).entities.get(name)
        if (entity === undefined)
          throw fail('features.entity_not_found', `There is no entity "${name}"`)
        const views = [...catalog.of(project).views.values()].flatMap(
          (versions) => versions.at(-1) ?? []
        )
        return {
          ...entity,
          views: views.filter((v) => v.entities.includes(name)).map((v) => v.name),
        }
      },
      listViews: async (_input, { project }) => {
        const { views, onDemand } = catalog.of(project)
        const newest = [...views.values()].flatMap((versions) => versions.at(-1) ?? [])
        return {
          items: await Promise.all(newest.map((view) => showView(parts, view))),
          onDemand: [...onDemand.values()]
            .flatMap((versions) => versions.at(-1) ?? [])
            .map(showOnDemand),
        }
      },
      getView: async ({ name, version }, { project }) => {
        const view = catalog.view(project, name, version ?? null)
        const services = [...catalog.of(project).services.values()].flatMap(
          (versions) => versions.at(-1) ?? []
        )
        return {
          ...(await showView(parts, view)),
          services: services
            .filter((s) => s.features.some((p) => p.view === name))
            .map((s) => s.name),
        }
      },
      listServices: async (_input, { project }) => ({
        items: [...catalog.of(project).services.values()]
          .flatMap((versions) => versions.at(-1) ?? [])
          .map((service) => showService(store, service)),
      }),
      getService: async ({ name }, { project }) =>
        showService(store, catalog.service(project, name)),
      search: async ({ q }, { project }) => ({ items: searchCatalog(catalog.of(project), q) }),

      push: async (input, { project }) => ({
        views: [...(await store.push({ project, ...input }))],
      }),
      materialize: async ({ view, mode, from, to }, { project }) => {
        if (mode === 'incremental' && (from !== null || to !== null))
          throw fail(
            'request.invalid',
            'Incremental goes by arrival and takes no "from" and "to"; use mode "full" for a span of event time'
          )
        return { views: await store.materialize({ project, view, mode, fromMs: from, toMs: to }) }
      },
      materializations: async (_input, { project }) => ({ items: store.progress(project) }),

      historical: async (input, { project }) => {
        const { columns, rows } = await store.historical({
          project,
          wanted: wantedOf(input),
          entities: { kind: 'rows', rows: input.rows },
          mode: input.mode,
        })
        return {
          columns: [...columns],
          rows: rows.map((row) =>
            Object.fromEntries(
              columns.map((column, i) => {
                const value = row[i] ?? null
                return [column, column === 'event_timestamp' ? Number(value) / 1000 : toWire(value)]
              })
            )
          ),
        }
      },
      createTrainingSet: async ({ name, rows, file, mode, ...selected }, { project }) => {
        if ((rows === undefined) === (file === undefined))
          throw fail('request.invalid', 'Give the entity rows either as "rows" or as a "file"')
        return store.createTrainingSet({
          name,
          project,
          mode,
          wanted: wantedOf(selected),
          entities:
            file === undefined
              ? { kind: 'rows', rows: rows ?? [] }
              : { kind: 'file', format: file.kind, path: file.path },
        })
      },
      viewStatistics: ({ name }, { project }) => store.statistics(catalog.view(project, name)),
      viewUsage: async ({ name, since }, { project }) => {
        catalog.view(project, name)
        return {
          items: await store.usage.of(project, name, since ?? Math.floor(store.now()) - USAGE_MS),
        }
      },
      consistency: (query, { project }) => store.consistency(project, query),
      checkConsistency: async (_input, { project }) => {
        await store.checker.check()
        return store.consistency(project, {})
      },
      listTrainingSets: async (_input, { project }) => ({
        items: await store.trainingSets(project),
      }),
    }
  )
  addOnlineRoute(app, store)
  addFeastRoutes(app, store)
}

async function showView(
  { store, streams, refresher }: Shown,
  view: ViewRecord
): Promise<FeatureView> {
  const { project, storageId, stateId, breaking: _breaking, ...spec } = view
  const facts = store.offlineFacts(storageId)
  const feed = stateId ?? storageId
  const watermark = await store.watermark(feed)
  const ms = (us: number | null): number | null =>
    us === null ? null : Math.max(0, Math.floor(us / 1000))
  return {
    ...spec,
    keys: [...view.keys],
    versions: (store.catalog.of(project).views.get(view.name) ?? []).map((v) => ({
      version: v.version,
      createdAt: v.createdAt,
      breaking: [...v.breaking],
    })),
    offlineRows: facts.rows,
    onlineRows: await store.onlineCount(feed),
    newestEventAt: ms(facts.newestEventUs),
    lastIngestedAt: facts.lastIngestedAt,
    lastMaterializedAt: watermark?.at ?? null,
    streamState: streams.state(view),
    refreshState: await refresher.state(view),
  }
}

function showOnDemand({ project: _project, ...view }: OnDemandRecord): OnDemandView {
  return view
}

function showService(store: FeatureStore, service: ServiceRecord): FeatureService {
  const { project, ...spec } = service
  const selection = store.select(project, { service: service.name })
  return {
    ...spec,
    features: [...service.features],
    keys: selection.keys.map(({ key, type }) => ({ key, type })),
    names: selection.outputs.map(({ name, type }) => ({ name, type })),
  }
}
