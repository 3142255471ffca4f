import type { Clock } from '../../../kernel/clock.ts'
import { messageOf } from '../../../kernel/errors.ts'
import { sortableId } from '../../../kernel/ids.ts'
import type { Logger } from '../../../platform/telemetry/logger.ts'
import type { RegistryEvent, Registry } from '../../registry/index.ts'
import type { RunChange, Tracking } from '../../tracking/index.ts'
import type { Events, OpenLineageEvent, RunState } from './events.ts'
import type { OutboxStore } from './outbox-store.ts'

export type OpenLineageConfig = Readonly<{
  /** Where events are posted to, whole. */
  url: string
  apiKey: string | null
  namespace: string
}>

/** Waits between tries: about a day in all, then the event is dropped, and the log says so. */
const RETRY_AFTER_MS = [1_000, 5_000, 30_000, 120_000, 600_000, 3_600_000, 14_400_000, 64_800_000]
const AT_ONCE = 100
const TIMEOUT_MS = 10_000

const STATES: Record<RunChange['status'], RunState> = {
  RUNNING: 'START',
  SCHEDULED: 'OTHER',
  FINISHED: 'COMPLETE',
  FAILED: 'FAIL',
  KILLED: 'ABORT',
}

/**
 * Tells an OpenLineage server what happens to runs and models. An event lies in the database until the server took it: an outage of up to a
 * day loses none, and one may arrive twice. Events arrive in order, but for those that are tried again.
 */
export function createEmitter(deps: {
  config: OpenLineageConfig
  events: Events
  store: OutboxStore
  tracking: Tracking
  registry: Registry
  clock: Clock
  log: Logger
  fetch?: typeof fetch
}) {
  const { config, events, store, tracking, registry, clock, log } = deps
  const send = deps.fetch ?? fetch
  let writing: Promise<void> = Promise.resolve()

  const put = async (event: OpenLineageEvent): Promise<void> =>
    store.add({
      id: sortableId('ole', clock.now()),
      body: JSON.stringify(event),
      attempts: 0,
      due_at: clock.now(),
      last_error: null,
      created_at: clock.now(),
    })

  /** One after the other, so that they lie in the outbox in the order in which they happened. */
  const inOrder = (work: () => Promise<void>): void => {
    writing = writing
      .then(work)
      .catch((error: unknown) => log.error({ err: error }, 'an OpenLineage event was not kept'))
  }

  const runEvent = async (
    at: { project: string; runId: string; at: number },
    state: RunState
  ): Promise<void> => {
    const run = await tracking.getRun(at.project, at.runId)
    if (run === null) return
    const experiment = await tracking.experimentName(at.project, run.experimentId)
    const outputs = await registry.findVersions(at.project, { runId: at.runId })
    await put(
      events.run({
        state,
        at: at.at,
        run,
        experiment: `${at.project}.${experiment ?? run.experimentId}`,
        outputs,
      })
    )
  }

  async function deliver(row: { id: string; body: string; attempts: number }, signal: AbortSignal) {
    try {
      const response = await send(config.url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(config.apiKey === null ? {} : { authorization: `Bearer ${config.apiKey}` }),
        },
        body: row.body,
        signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
      })
      const text = await response.text()
      if (!response.ok) throw new Error(`${response.status} ${text.slice(0, 200)}`)
      await store.delete(row.id)
      return true
    } catch (error) {
      const wait = RETRY_AFTER_MS[row.attempts]
      if (wait === undefined) {
        log.error({ err: error, event: row.id }, 'an OpenLineage event was dropped')
        await store.delete(row.id)
        return true
      }
      await store.postpone(row.id, {
        attempts: row.attempts + 1,
        due_at: clock.now() + wait,
        last_error: messageOf(error).slice(0, 500),
      })
      return false
    }
  }

  return {
    onRun: (change: RunChange) => inOrder(() => runEvent(change, STATES[change.status])),
    onModel: (change: RegistryEvent) =>
      inOrder(async () => {
        const version = await registry.get(change.project, change.name, change.version)
        if (version === null) return
        // The run that made it says so once more, with its output; MLflow's clients register after the run has ended.
        if (change.kind === 'version.created' && version.runId !== null)
          await runEvent({ project: change.project, runId: version.runId, at: change.at }, 'OTHER')
        await put(events.model(version, change.at))
      }),
    /** Sends what is due. Stops at the first that fails: the server is probably away. */
    async deliverDue(signal: AbortSignal): Promise<void> {
      for (const row of await store.due(clock.now(), AT_ONCE)) {
        if (signal.aborted) return
        if (!(await deliver(row, signal))) return
      }
    },
    settled: (): Promise<void> => writing,
  }
}
