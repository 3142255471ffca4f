import type { Clock } from '../../kernel/clock.ts'
import { fail } from '../../platform/errors.ts'
import type { Catalog } from './definitions/catalog.ts'
import type { ViewRecord } from './definitions/model.ts'
import type { OfflineStore } from './offline/offline-store.ts'
import type { OnlineStore } from './online/online-store.ts'
import { readPushedRows, refuseUnknownColumns } from './rows.ts'

export type PushRequest = Readonly<{
  project: string
  view?: string
  pushSource?: string
  to: 'online' | 'offline' | 'both'
  rows: readonly Readonly<Record<string, unknown>>[]
  /** Columns that no view knows are dropped, as Feast does, instead of refused. */
  ignoreUnknown?: boolean
}>

export type PushResult = readonly Readonly<{ view: string; version: number; rows: number }>[]

/** Takes in pushed rows: checked as a whole first, then on disk, offline before online, so that what is served is always in the history. */
export function createPush(deps: {
  catalog: Catalog
  offline: OfflineStore
  online: OnlineStore
  clock: Clock
}) {
  const { catalog, offline, online, clock } = deps
  return async (request: PushRequest): Promise<PushResult> => {
    const views = viewsOf(catalog, request)
    if (request.ignoreUnknown !== true) refuseUnknownColumns(request.rows, views)
    const now = clock.now()
    const batches = views.map((view) => {
      const storage = catalog.storageOf(view)
      return { view, storage, rows: readPushedRows(request.rows, { view, storage, now }) }
    })
    const firstSeqs =
      request.to === 'online'
        ? batches.map(({ rows }) => offline.log.reserveSeq(rows.length))
        : offline.log.append(
            batches.map(({ storage, rows }) => ({
              storage: storage.id,
              rows: rows.map(({ packedWithKeys, eventUs, createdUs }) => ({
                packed: packedWithKeys,
                eventUs,
                createdUs,
              })),
            })),
            now
          )
    if (request.to !== 'offline') {
      for (const [i, { view, storage, rows }] of batches.entries()) {
        if (!view.online) continue
        const first = firstSeqs[i] ?? 0
        await online.write({
          storage: storage.id,
          now,
          keepMs: catalog.keepMs(storage),
          rows: rows.map((row, j) => ({
            key: row.key,
            packed: row.packed,
            eventUs: row.eventUs,
            createdUs: row.createdUs,
            seq: first + j,
          })),
        })
      }
    }
    return batches.map(({ view, rows }) => ({
      view: view.name,
      version: view.version,
      rows: rows.length,
    }))
  }
}

function viewsOf(catalog: Catalog, { project, view, pushSource }: PushRequest): ViewRecord[] {
  if ((view === undefined) === (pushSource === undefined))
    throw fail('request.invalid', 'Name either a view or a push source')
  if (view !== undefined) return [catalog.view(project, view)]
  const views = [...catalog.of(project).views.values()]
    .flatMap((versions) => versions.at(-1) ?? [])
    .filter((v) => v.pushSource === pushSource)
  if (views.length === 0)
    throw fail(
      'features.push_source_not_found',
      `Unable to find push source '${pushSource ?? ''}'.`,
      {
        details: { pushSource },
      }
    )
  return views
}
