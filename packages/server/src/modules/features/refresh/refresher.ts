import type { Refresh, RefreshState } from '@trestle/contract'
import type { Clock } from '../../../kernel/clock.ts'
import { messageOf } from '../../../kernel/errors.ts'
import { nextTurn } from '../../../platform/jobs/cron.ts'
import type { Logger } from '../../../platform/telemetry/logger.ts'
import type { Catalog } from '../definitions/catalog.ts'
import type { ViewRecord } from '../definitions/model.ts'
import type { FeatureStore } from '../feature-store.ts'
import type { RefreshRun, RefreshStore } from './refresh-store.ts'

/** When a view is materialized next: a run that was cut off goes on at once, turns that were missed are made up for by one. */
export function nextRefresh(
  refresh: Refresh,
  last: RefreshRun | null,
  declaredAt: number
): number | null {
  if (last !== null && last.endedAt === null) return last.startedAt
  if ('everyMs' in refresh) return last === null ? declaredAt : last.startedAt + refresh.everyMs
  return nextTurn(refresh, last?.startedAt ?? declaredAt)
}

/** Materializes the views that say when. A run that failed is told of with its view, and made again at the next turn. */
export function createRefresher(deps: {
  catalog: Catalog
  store: RefreshStore
  materialize: FeatureStore['materialize']
  clock: Clock
  logger: Logger
}) {
  const { catalog, store, clock } = deps
  const next = async (view: ViewRecord, refresh: Refresh): Promise<number | null> =>
    nextRefresh(refresh, await store.last(view.project, view.name), view.updatedAt)

  const run = async ({ project, name }: ViewRecord): Promise<void> => {
    const startedAt = clock.now()
    await store.put(project, name, { startedAt, endedAt: null, error: null })
    let failed: string | null = null
    try {
      await deps.materialize({ project, view: name, mode: 'incremental', fromMs: null, toMs: null })
    } catch (error) {
      failed = messageOf(error)
      deps.logger.error({ err: error, project, view: name }, 'a scheduled materialization failed')
    }
    await store.put(project, name, { startedAt, endedAt: clock.now(), error: failed })
  }

  return {
    /** Runs what is due, one view after the other. */
    async refreshDue(signal?: AbortSignal): Promise<void> {
      for (const project of catalog.projects())
        for (const versions of catalog.of(project).views.values()) {
          const view = versions.at(-1)
          if (view === undefined || view.refresh === null || signal?.aborted === true) continue
          const at = await next(view, view.refresh)
          if (at !== null && at <= clock.now()) await run(view)
        }
    },
    async state(view: ViewRecord): Promise<RefreshState | null> {
      if (view.refresh === null) return null
      const last = await store.last(view.project, view.name)
      return {
        lastStartedAt: last?.startedAt ?? null,
        lastEndedAt: last?.endedAt ?? null,
        error: last?.error ?? null,
        nextAt: nextRefresh(view.refresh, last, view.updatedAt),
      }
    },
  }
}
export type Refresher = ReturnType<typeof createRefresher>
