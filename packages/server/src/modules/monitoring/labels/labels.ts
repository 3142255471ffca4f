import type { LabelInput } from '@trestle/contract'
import type { Clock } from '../../../kernel/clock.ts'
import type { Scalar } from '../../../kernel/scalar.ts'
import type { Arms } from '../arms/arms.ts'
import type { InferenceLog } from '../inference-log/inference-log.ts'
import { judge } from '../outcome.ts'
import { toLabelledRow, type LabelledRow, type RecentRows } from './recent-rows.ts'
import type { LabelRow, LabelStore, OutcomeRow } from './store.ts'

/** A label whose prediction is not found for this long is given up: its prediction was never logged, or was outside the sample. */
const GIVE_UP_AFTER_MS = 120_000
const SLOW_LOOK_EVERY_MS = 10_000
const AT_ONCE = 1_000

/**
 * What turned out to be true. A label is durable before it is acknowledged; finding its prediction comes after, at once for recent ones and from the
 * log for the rest. A label of a live prediction also judges the shadows of the same request.
 */
export function createLabels(deps: {
  store: LabelStore
  log: InferenceLog
  arms: Arms
  recent: RecentRows
  clock: Clock
}) {
  const { store, arms, recent, clock } = deps
  let lastSlowLookAt = 0
  // One join at a time: two at once could both take back the same earlier outcome.
  let joining: Promise<unknown> = Promise.resolve()

  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = joining.then(work, work)
    joining = turn.catch(() => undefined)
    return turn
  }

  async function join(found: readonly { label: LabelRow; rows: readonly LabelledRow[] }[]) {
    const joins = found.map(({ label, rows }) => ({ label, outcomes: toOutcomes(label, rows) }))
    for (const { before, after } of await store.putOutcomes(joins)) {
      if (before !== undefined) arms.label(...lossOf(before), -1)
      arms.label(...lossOf(after), 1)
    }
  }

  const joinRecent = (labels: readonly LabelRow[]): Promise<LabelRow[]> =>
    inTurn(async () => {
      const looked = labels.map((label) => ({
        label,
        rows: recent.find(label.project, label.prediction_id),
      }))
      const found = looked.filter(({ rows }) => rows.length > 0)
      if (found.length > 0) await join(found)
      return looked.filter(({ rows }) => rows.length === 0).map(({ label }) => label)
    })

  async function joinFromLog(labels: readonly LabelRow[]): Promise<void> {
    for (const [project, group] of Map.groupBy(labels, (label) => label.project)) {
      const ids = group.map((label) => label.prediction_id)
      const rows = await deps.log.rows({
        filter: { project, idsAndShadows: ids, status: 'ok' },
        order: 'oldest',
        after: null,
        limit: ids.length * 10,
      })
      const byLabel = Map.groupBy(rows, (row) => row.pairedWith ?? row.predictionId)
      await inTurn(async () => {
        await join(
          group.flatMap((label) => {
            const own = (byLabel.get(label.prediction_id) ?? []).map(toLabelledRow)
            const rows = own.length > 0 ? own : rowsNamed(byLabel, label.prediction_id)
            return rows.length === 0 ? [] : [{ label, rows }]
          })
        )
        const late = clock.now() - GIVE_UP_AFTER_MS
        await store.giveUp(
          group.filter(
            (label) =>
              label.received_at < late &&
              !rows.some((row) => (row.pairedWith ?? row.predictionId) === label.prediction_id)
          )
        )
      })
    }
  }

  /** Writes labels, and gives those back whose prediction is not a recent one. */
  async function write(by: { project: string; actor: string }, labels: readonly LabelInput[]) {
    const now = clock.now()
    // Twice the same prediction in one call: the last word counts here too.
    const rows = [...new Map(labels.map((label) => [label.predictionId, label])).values()].map(
      (label): LabelRow => ({
        project: by.project,
        prediction_id: label.predictionId,
        value_json: JSON.stringify(label.value),
        at: label.at ?? now,
        received_at: now,
        actor: by.actor,
        joined: 0,
      })
    )
    const { changed, unchanged } = await store.put(rows)
    const missing = await joinRecent(rows)
    return { counts: { accepted: labels.length, changed, unchanged }, rows, missing }
  }

  return {
    async put(
      by: { project: string; actor: string },
      labels: readonly LabelInput[]
    ): Promise<{ accepted: number; changed: number; unchanged: number }> {
      return (await write(by, labels)).counts
    },
    /** As `put`, and looks in the log at once for what is not recent: tells how many predictions are known. */
    async putAndJoin(by: { project: string; actor: string }, labels: readonly LabelInput[]) {
      const { counts, rows, missing } = await write(by, labels)
      if (missing.length > 0) await joinFromLog(missing)
      const ids = rows.map((row) => row.prediction_id)
      const found = await store.findMany(by.project, ids)
      const joined = found.filter((label) => label.joined === 1).length
      return { ...counts, joined, unknown: rows.length - joined }
    },
    /** Looks for the predictions of labels that have none yet. */
    async joinPending(): Promise<void> {
      const missing = await joinRecent(await store.unjoined(AT_ONCE))
      if (missing.length === 0 || clock.now() - lastSlowLookAt < SLOW_LOOK_EVERY_MS) return
      lastSlowLookAt = clock.now()
      await joinFromLog(missing)
    },
    /** Fills the timelines from the table, at the start. */
    async restore(from: number): Promise<void> {
      for (const row of await store.lossSumsSince(from)) {
        arms.addLoss(
          {
            endpointId: row.endpoint_id,
            variant: row.variant,
            role: row.role,
            at: row.second * 1_000,
          },
          {
            n: row.n,
            numeric: row.numeric,
            error: row.error,
            errorSquares: row.error_squares,
            logLossN: row.log_loss_n,
            logLoss: row.log_loss,
            logLossSquares: row.log_loss_squares,
            absoluteError: row.absolute_error,
            squaredError: row.squared_error,
            squaredErrorSquares: row.squared_error_squares,
          }
        )
      }
    },
  }
}
export type Labels = ReturnType<typeof createLabels>

/** A label may name a shadow's own prediction. */
function rowsNamed(
  byLabel: ReadonlyMap<string, Parameters<typeof toLabelledRow>[0][]>,
  id: string
): LabelledRow[] {
  return [...byLabel.values()]
    .flat()
    .filter((row) => row.predictionId === id)
    .map(toLabelledRow)
}

function toOutcomes(label: LabelRow, rows: readonly LabelledRow[]): OutcomeRow[] {
  const value = JSON.parse(label.value_json) as Scalar // written by this module
  return rows.flatMap((row) => {
    const judged = judge(row, value)
    if (judged === null) return []
    return [
      {
        project: row.project,
        prediction_id: row.predictionId,
        label_id: label.prediction_id,
        endpoint: row.endpoint,
        endpoint_id: row.endpointId,
        variant: row.variant,
        role: row.role,
        prediction_at: row.at,
        received_at: label.received_at,
        label_json: label.value_json,
        score: row.score === null || Number.isNaN(row.score) ? null : row.score,
        predicted_json: JSON.stringify(
          typeof judged.predicted === 'bigint' ? judged.predicted.toString() : judged.predicted
        ),
        error: judged.error,
        log_loss: judged.logLoss,
        squared_error: judged.squaredError,
      },
    ]
  })
}

const lossOf = (row: OutcomeRow) =>
  [
    {
      endpointId: row.endpoint_id,
      variant: row.variant,
      role: row.role,
      at: row.prediction_at,
    },
    { error: row.error, logLoss: row.log_loss, squaredError: row.squared_error },
  ] as const
