import type { Clock } from '../../kernel/clock.ts'
import { fail } from '../../platform/errors.ts'
import type { Catalog } from './definitions/catalog.ts'
import type { ViewRecord } from './definitions/model.ts'
import type { StreamProgress } from './offline/offline-log.ts'
import type { OfflineStore } from './offline/offline-store.ts'
import { isAggregated } from './aggregate/plan.ts'
import type { Arrivals } from './online/arrivals.ts'
import { feedRows } from './online/feed.ts'
import type { OnlineStore } from './online/online-store.ts'
import { readPushedRows, refuseUnknownColumns } from './rows.ts'

export type PushRequest = Readonly<{
  project: string
  view?: string
  pushSource?: string
  to: 'online' | 'offline' | 'both'
  rows: readonly Readonly<Record<string, unknown>>[]
  /** Of a topic's records: how far it was read, kept in the same step as the rows. */
  progress?: StreamProgress
  /** Columns that no view knows are dropped, as Feast does, instead of refused. */
  ignoreUnknown?: boolean
}>

export type Push = (request: PushRequest) => Promise<PushResult>
export type PushResult = readonly Readonly<{ view: string; version: number; rows: number }>[]

/** Takes in pushed rows: checked as a whole first, then on disk, offline before online, so that what is served is always in the history. */
export function createPush(deps: {
  catalog: Catalog
  offline: OfflineStore
  online: OnlineStore
  arrivals: Arrivals
  instants: { nextUs: () => number }
  clock: Clock
}): Push {
  const { catalog, offline, online, arrivals, instants, clock } = deps
  return async (request: PushRequest) => {
    const views = viewsOf(catalog, request)
    if (request.ignoreUnknown !== true) refuseUnknownColumns(request.rows, views)
    const now = clock.now()
    const nowUs = instants.nextUs()
    const batches = views.map((view) => {
      const storage = catalog.storageOf(view)
      return { view, storage, rows: readPushedRows(request.rows, { view, storage, nowUs }) }
    })
    const aggregated = views.find(isAggregated)
    if (request.to === 'online' && aggregated !== undefined)
      throw fail(
        'request.invalid',
        `View "${aggregated.name}" is computed over windows of its events, so they have to be in the history too: push to "both"`,
        { details: { view: aggregated.name } }
      )
    const taken =
      request.to === 'online'
        ? batches.map(({ rows }) => ({
            first: offline.log.reserveSeq(rows.length),
            previous: null,
          }))
        : offline.log.append(
            batches.map(({ storage, rows }) => ({
              storage: storage.id,
              rows: rows.map(({ packedWithKeys, eventUs, createdUs }) => ({
                packed: packedWithKeys,
                eventUs,
                createdUs,
              })),
            })),
            now,
            request.progress
          )
    if (request.to !== 'offline') {
      for (const [i, { storage, rows }] of batches.entries()) {
        if (rows.length === 0) continue
        const { first, previous } = taken[i] ?? { first: 0, previous: null }
        const numbered = rows.map((row, j) => ({ ...row, seq: first + j }))
        const keepMs = catalog.keepMs(storage)
        for (const feed of catalog.feeds(storage)) {
          const write = (reached: number | null, doneSeq: number): void | Promise<void> =>
            feedRows(online, feed, {
              rows: numbered,
              now,
              keepMs,
              doneSeq,
              ...(reached === null ? {} : { watermark: { seq: reached, at: now } }),
            })
          if (previous === null) await write(null, 0)
          else await arrivals.carry(feed.id, { previous, last: first + rows.length - 1 }, write)
        }
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
