import type { ModelVersionDetail } from '@trestle/contract'
import type { TrestleClient } from '../client.ts'
import { TrestleError } from '../errors.ts'
import type { ModelUpload } from '../upload-model.ts'

/** Of one call (MLflow's limits). */
const METRICS_AT_ONCE = 1_000
const PAIRS_AT_ONCE = 100
const FLUSH_EVERY_MS = 1_000
/** Waits before a write that failed for the network's or the server's sake is tried again. */
const RETRY_AFTER_MS = [200, 1_000, 3_000, 10_000]

type Param = string | number | boolean | null

export type RunOptions<Metrics extends string = string> = Readonly<{
  /** Name of the experiment; made when there is none. `Default` when left out. */
  experiment?: string
  name?: string
  params?: Readonly<Record<string, Param>>
  tags?: Readonly<Record<string, string>>
  /** The run that this one is a part of. */
  parent?: string
  /** Goes on with a run instead of making one. */
  resume?: string
  /** The metrics that may be logged, for the type alone: `metrics: ['loss', 'auc']`. */
  metrics?: readonly Metrics[]
}>

export type Dataset = Readonly<{
  name: string
  /** What says that it is the same data, e.g. a hash; at most 36 characters. */
  digest: string
  /** `training`, `validation` … */
  context?: string
  /** Where it came from, as JSON can say it. */
  source?: unknown
  sourceType?: string
  /** Column name → type. */
  schema?: Readonly<Record<string, string>>
}>

/** A run being logged. */
export interface Run<Metrics extends string = string> extends AsyncDisposable {
  readonly id: string
  readonly experimentId: string
  /**
   * Logs metrics; returns at once. Writes are gathered for a second or a thousand values, kept in order and tried again when the network fails.
   * `step` is one more than the last when left out. A failure that does not pass is thrown by the next `flush` or `end`.
   */
  log(
    metrics: Readonly<Partial<Record<Metrics, number>>>,
    options?: { step?: number; at?: Date }
  ): void
  /** A param never changes: another value for the same name is refused. */
  logParams(params: Readonly<Record<string, Param>>): void
  setTags(tags: Readonly<Record<string, string>>): void
  /** Notes data that the run read, so that lineage leads to it. */
  logDataset(dataset: Dataset): Promise<void>
  /** Streams a file into the run's artifacts. */
  logArtifact(path: string, content: string | Uint8Array | Blob): Promise<void>
  /** Registers an ONNX file as the next version of `name`, made by this run. */
  logModel(
    name: string,
    bytes: Uint8Array | Blob,
    upload?: Omit<ModelUpload, 'runId'>
  ): Promise<ModelVersionDetail>
  /** Resolves when all that was logged is on the server's disk. Throws the first failure since the last call. */
  flush(): Promise<void>
  /** Writes what waits and ends the run. */
  end(status?: 'FINISHED' | 'FAILED' | 'KILLED'): Promise<void>
}

type Point = { key: string; value: number | string; timestamp: number; step: number }
type Pair = { key: string; value: string }

/**
 * Starts a run: `await using run = await startRun(client, { experiment: 'fraud', metrics: ['loss'] })`. Left by its end or by an error, it ends
 * as `FINISHED`; call `end('FAILED')` to say otherwise, or use `withRun`, which does.
 */
export async function startRun<const Metrics extends string = string>(
  client: TrestleClient,
  options: RunOptions<Metrics> = {}
): Promise<Run<Metrics>> {
  const { id, experimentId } = await openRun(client, options)
  const waiting = { metrics: [] as Point[], params: [] as Pair[], tags: [] as Pair[] }
  const lastStep = new Map<string, number>()
  let writing: Promise<void> = Promise.resolve()
  let failure: Error | null = null
  let timer: ReturnType<typeof setTimeout> | null = null
  let isEnded = false

  /** Takes what waits, and writes it after what is being written. */
  const drain = (): Promise<void> => {
    if (timer !== null) clearTimeout(timer)
    timer = null
    while (waiting.metrics.length + waiting.params.length + waiting.tags.length > 0) {
      const batch = {
        params: waiting.params.splice(0, PAIRS_AT_ONCE),
        tags: waiting.tags.splice(0, PAIRS_AT_ONCE),
        metrics: waiting.metrics.splice(0, METRICS_AT_ONCE - 2 * PAIRS_AT_ONCE),
      }
      writing = writing
        .then(() => withRetry(() => client.tracking.logBatch({ run_id: id, ...batch })))
        .then(
          () => undefined,
          (error: unknown) => {
            failure ??= error instanceof Error ? error : new Error(String(error))
          }
        )
    }
    return writing
  }
  const soon = (): void => {
    if (isEnded) throw new Error(`Run ${id} has ended`)
    if (waiting.metrics.length >= METRICS_AT_ONCE) void drain()
    else timer ??= setTimeout(() => void drain(), FLUSH_EVERY_MS)
  }
  const flush = async (): Promise<void> => {
    await drain()
    if (failure === null) return
    const error = failure
    failure = null
    throw error
  }

  const run: Run<Metrics> = {
    id,
    experimentId,
    log(metrics, { step, at } = {}) {
      const timestamp = at?.getTime() ?? now()
      for (const [key, value] of Object.entries<number | undefined>(metrics)) {
        if (value === undefined) continue
        const next = step ?? (lastStep.get(key) ?? -1) + 1
        lastStep.set(key, next)
        waiting.metrics.push({ key, value: toWire(value), timestamp, step: next })
      }
      soon()
    },
    logParams(params) {
      waiting.params.push(...toPairs(params))
      soon()
    },
    setTags(tags) {
      waiting.tags.push(...toPairs(tags))
      soon()
    },
    async logDataset(dataset) {
      await client.request({
        method: 'POST',
        path: '/api/2.0/mlflow/runs/log-inputs',
        body: { run_id: id, datasets: [toDatasetInput(dataset)] },
      })
    },
    async logArtifact(path, content) {
      const place = path.split('/').map(encodeURIComponent).join('/')
      await client.request({
        method: 'PUT',
        path: `/api/2.0/mlflow-artifacts/artifacts/${experimentId}/${id}/artifacts/${place}`,
        body: typeof content === 'string' ? new TextEncoder().encode(content) : content,
      })
    },
    logModel: (name, bytes, upload = {}) =>
      client.uploadModel(name, bytes, { ...upload, runId: id }),
    flush,
    async end(status = 'FINISHED') {
      if (isEnded) return
      try {
        await flush()
      } finally {
        isEnded = true
        await withRetry(() => client.tracking.updateRun({ run_id: id, status, end_time: now() }))
      }
    },
    [Symbol.asyncDispose]: () => run.end(),
  }
  return run
}

/** Runs `work` in a run of its own, which ends as `FINISHED` or, when it throws, as `FAILED`. */
export async function withRun<const Metrics extends string, T>(
  client: TrestleClient,
  options: RunOptions<Metrics>,
  work: (run: Run<Metrics>) => Promise<T>
): Promise<T> {
  const run = await startRun(client, options)
  try {
    const result = await work(run)
    await run.end()
    return result
  } catch (error) {
    await run.end('FAILED').catch(() => undefined) // the first failure is the one to tell
    throw error
  }
}

async function openRun(
  client: TrestleClient,
  options: RunOptions
): Promise<{ id: string; experimentId: string }> {
  const { resume, experiment, name, params = {}, tags = {}, parent } = options
  if (resume !== undefined) {
    const { run } = await client.tracking.getRun({ run_id: resume })
    await client.tracking.updateRun({ run_id: resume, status: 'RUNNING' })
    return { id: resume, experimentId: run.info.experiment_id }
  }
  const experimentId = experiment === undefined ? '0' : await findExperiment(client, experiment)
  const { run } = await client.tracking.createRun({
    experiment_id: experimentId,
    ...(name === undefined ? {} : { run_name: name }),
    start_time: now(),
    tags: [
      ...toPairs(tags),
      ...(parent === undefined ? [] : [{ key: 'mlflow.parentRunId', value: parent }]),
    ],
  })
  const id = run.info.run_id
  if (Object.keys(params).length > 0)
    await client.tracking.logBatch({ run_id: id, params: toPairs(params) })
  return { id, experimentId }
}

async function findExperiment(client: TrestleClient, name: string): Promise<string> {
  const find = async (): Promise<string> =>
    (await client.tracking.getExperimentByName({ experiment_name: name })).experiment.experiment_id
  try {
    return await find()
  } catch (error) {
    if (!(error instanceof TrestleError) || error.status !== 404) throw error
  }
  try {
    return (await client.tracking.createExperiment({ name })).experiment_id
  } catch (error) {
    if (!(error instanceof TrestleError) || error.code !== 'resource.already_exists') throw error
    return find() // another run made it meanwhile
  }
}

/** Metrics and tags may be written twice without harm, and params are compared: a write whose answer was lost can be sent again. */
async function withRetry<T>(write: () => Promise<T>): Promise<T> {
  for (const wait of RETRY_AFTER_MS) {
    try {
      return await write()
    } catch (error) {
      const passes = error instanceof TrestleError && (error.code === 'network' || error.retryable)
      if (!passes) throw error
      await new Promise((resolve) => setTimeout(resolve, wait))
    }
  }
  return write()
}

// eslint-disable-next-line no-restricted-properties -- a run's times are its client's, as with MLflow's clients
const now = (): number => Date.now()

/** JSON has neither NaN nor infinities; the tracking routes read them as text. */
const toWire = (value: number): number | string => (Number.isFinite(value) ? value : String(value))

const toPairs = (values: Readonly<Record<string, Param>>): Pair[] =>
  Object.entries(values).map(([key, value]) => ({ key, value: String(value) }))

const toDatasetInput = (dataset: Dataset): object => ({
  tags:
    dataset.context === undefined ? [] : [{ key: 'mlflow.data.context', value: dataset.context }],
  dataset: {
    name: dataset.name,
    digest: dataset.digest,
    source_type: dataset.sourceType ?? 'code',
    source: JSON.stringify(dataset.source ?? {}),
    ...(dataset.schema === undefined
      ? {}
      : {
          schema: JSON.stringify({
            mlflow_colspec: Object.entries(dataset.schema).map(([name, type]) => ({ name, type })),
          }),
        }),
  },
})
