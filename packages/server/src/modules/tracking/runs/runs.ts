import type { Clock } from '../../../kernel/clock.ts'
import { randomHexId } from '../../../kernel/ids.ts'
import type { Topic } from '../../../platform/events/topic.ts'
import type { Experiments } from '../experiments/experiments.ts'
import { checkKey, MAX, truncate } from '../mlflow/limits.ts'
import { doesNotExist, invalidParameter } from '../mlflow/mlflow-error.ts'
import { nameFromId } from './run-name.ts'
import type { KeyValue, LoggedMetric, RunRow, RunStatus } from './run-records.ts'
import type { RunStore } from './run-store.ts'

const NAME_TAG = 'mlflow.runName'

export type RunId = Readonly<{ project: string; runId: string }>

export type RunChanges = Readonly<{
  status?: RunStatus | undefined
  endTime?: number | undefined
  name?: string | undefined
}>

/** A run that was made, or whose status was set. */
export type RunChange = Readonly<{ project: string; runId: string; status: RunStatus; at: number }>

/** Runs and what is logged to them. Only an active run takes writes. */
export interface Runs {
  create(given: {
    project: string
    experimentId: string
    userId: string
    name: string
    startTime: number | undefined
    tags: readonly KeyValue[]
  }): Promise<RunRow>
  /** Throws RESOURCE_DOES_NOT_EXIST. */
  get(id: RunId): Promise<RunRow>
  /** As `get`, and INVALID_PARAMETER_VALUE when the run is deleted. */
  getActive(id: RunId): Promise<RunRow>
  update(id: RunId, changes: RunChanges): Promise<RunRow>
  setStage(id: RunId, stage: 'active' | 'deleted'): Promise<void>
  log(id: RunId, batch: Batch): Promise<void>
  deleteTag(id: RunId, key: string): Promise<void>
}

type Batch = Readonly<{
  metrics?: readonly LoggedMetric[]
  params?: readonly KeyValue[]
  tags?: readonly KeyValue[]
}>

export function createRuns(deps: {
  store: RunStore
  experiments: Experiments
  clock: Clock
  /** Nobody is told when left out. */
  changed?: Topic<RunChange>
}): Runs {
  const { store, experiments, clock } = deps

  const get = async ({ project, runId }: RunId): Promise<RunRow> => {
    const run = await store.find(project, runId)
    if (run === undefined) throw doesNotExist(`Run with id=${runId} not found`)
    return run
  }

  const getActive = async (id: RunId): Promise<RunRow> => {
    const run = await get(id)
    if (run.lifecycle_stage !== 'active')
      throw invalidParameter(
        `The run ${id.runId} must be in the 'active' state. Current state is ${run.lifecycle_stage}.`
      )
    return run
  }

  return {
    get,
    getActive,
    async create({ project, experimentId, userId, name, startTime, tags }) {
      const experiment = await experiments.getActive(project, experimentId)
      for (const tag of tags) checkKey('tag', tag.key)
      const tagged = tags.find((tag) => tag.key === NAME_TAG)?.value
      if (name !== '' && tagged !== undefined && tagged !== name)
        throw invalidParameter(
          `Both 'run_name' argument and '${NAME_TAG}' tag are specified, but with different values (run_name='${name}', ${NAME_TAG}='${tagged}').`
        )
      const runId = randomHexId()
      const runName =
        name !== '' ? name : tagged !== undefined && tagged !== '' ? tagged : nameFromId(runId)
      const row: Omit<RunRow, 'run_key'> = {
        project,
        run_id: runId,
        experiment_id: experiment.experiment_id,
        run_name: runName,
        user_id: userId,
        status: 'RUNNING',
        start_time: startTime ?? clock.now(),
        end_time: null,
        artifact_uri: `${experiment.artifact_location}/${runId}/artifacts`,
        lifecycle_stage: 'active',
        deleted_at: null,
      }
      await store.insert(row, [
        ...tags.filter((tag) => tag.key !== NAME_TAG).map(shortened),
        { key: NAME_TAG, value: runName },
      ])
      deps.changed?.publish({ project, runId, status: 'RUNNING', at: row.start_time })
      return get({ project, runId })
    },
    async update(id, changes) {
      const run = await getActive(id)
      const renamed = changes.name !== undefined && changes.name !== '' ? changes.name : null
      await store.update(
        run,
        {
          ...(changes.status === undefined ? {} : { status: changes.status }),
          ...(changes.endTime === undefined ? {} : { end_time: changes.endTime }),
          ...(renamed === null ? {} : { run_name: renamed }),
        },
        renamed === null ? [] : [{ key: NAME_TAG, value: renamed }]
      )
      if (changes.status !== undefined && changes.status !== run.status)
        deps.changed?.publish({
          ...id,
          status: changes.status,
          at: changes.endTime ?? clock.now(),
        })
      return get(id)
    },
    async setStage(id, stage) {
      const run = await get(id)
      // Deleting it again does not begin its grace time anew.
      const deleted_at = stage === 'active' ? null : (run.deleted_at ?? clock.now())
      await store.update(run, { lifecycle_stage: stage, deleted_at })
    },
    async log(id, batch) {
      const metrics = batch.metrics ?? []
      const params = (batch.params ?? []).map((p) => ({
        key: p.key,
        value: truncate(p.value, MAX.paramLength),
      }))
      const tags = (batch.tags ?? []).map(shortened)
      checkBatch({ metrics, params, tags })
      const run = await getActive(id)
      if (metrics.length + params.length + tags.length === 0) return
      await store.log(run, { metrics, params, tags })
      const renamed = tags.findLast((tag) => tag.key === NAME_TAG)
      if (renamed !== undefined) await store.update(run, { run_name: renamed.value })
    },
    async deleteTag(id, key) {
      const run = await getActive(id)
      if (!(await store.deleteTag(run, key)))
        throw doesNotExist(`No tag with name: ${key} in run with id ${id.runId}`)
    },
  }
}

const shortened = (tag: KeyValue): KeyValue => ({
  key: tag.key,
  value: truncate(tag.value, MAX.tagLength),
})

function checkBatch(batch: Required<Batch>): void {
  const { metrics, params, tags } = batch
  checkCount('metrics', metrics.length, MAX.batchMetrics)
  checkCount('params', params.length, MAX.batchParams)
  checkCount('tags', tags.length, MAX.batchTags)
  checkCount(
    'metrics, params, and tags',
    metrics.length + params.length + tags.length,
    MAX.batchTotal
  )
  const checked = new Set<string>() // a batch often holds many points of few metrics
  for (const { key } of metrics) {
    if (checked.has(key)) continue
    checkKey('metric', key)
    checked.add(key)
  }
  for (const { key } of params) checkKey('parameter', key)
  for (const { key } of tags) checkKey('tag', key)
  const values = new Map<string, string>()
  for (const { key, value } of params) {
    const known = values.get(key)
    if (known !== undefined)
      throw invalidParameter(
        `Duplicate parameter keys have been submitted: '${key}'. Please ensure the request contains only one param value per param key.`
      )
    values.set(key, value)
  }
}

function checkCount(what: string, count: number, most: number): void {
  if (count > most)
    throw invalidParameter(
      `A batch logging request can contain at most ${most} ${what}. Got ${count} ${what}. Please split up ${what} across multiple requests and try again.`
    )
}
