import type { Experiments } from '../experiments/experiments.ts'
import { MAX, truncate } from '../mlflow/limits.ts'
import { doesNotExist, invalidParameter } from '../mlflow/mlflow-error.ts'
import type { KeyValue } from '../runs/run-records.ts'
import type { Runs } from '../runs/runs.ts'
import type { OtlpResourceSpans } from './otlp.ts'
import { groupByTrace } from './spans-of-trace.ts'
import { checkPairs } from './trace-fields.ts'
import type { TraceInfo, TraceRecord, TraceRow } from './trace-records.ts'
import type { TraceStore } from './trace-store.ts'

const MAX_LINKS = 100 // MLflow's bound on one request

/** Traces of an experiment: made whole by a client, or of spans as they come. */
export interface Traces {
  /** Takes a whole trace. The same trace again replaces what was told of it, so that a repeated request changes nothing. */
  finish(
    project: string,
    info: Omit<TraceInfo, 'experimentId'> & { experimentId: string }
  ): Promise<TraceRow>
  /** Takes exported spans, all or none. Returns the traces they belong to. */
  export(given: {
    project: string
    experimentId: string
    runId: string | null
    spans: readonly OtlpResourceSpans[]
  }): Promise<readonly string[]>
  /** Throws RESOURCE_DOES_NOT_EXIST. */
  get(project: string, traceId: string): Promise<TraceRow>
  getRecord(project: string, traceId: string): Promise<TraceRecord>
  setTag(project: string, traceId: string, tag: KeyValue): Promise<void>
  deleteTag(project: string, traceId: string, key: string): Promise<void>
  linkToRun(project: string, traceIds: readonly string[], runId: string): Promise<void>
}

export function createTraces(deps: {
  store: TraceStore
  experiments: Experiments
  runs: Runs
}): Traces {
  const { store, experiments, runs } = deps

  const get = async (project: string, traceId: string): Promise<TraceRow> => {
    const row = await store.find(project, traceId)
    if (row === undefined) throw doesNotExist(`Trace with ID '${traceId}' not found`)
    return row
  }

  const linkToRun = async (project: string, traceIds: readonly string[], runId: string) => {
    if (traceIds.length > MAX_LINKS)
      throw invalidParameter(
        `Cannot link more than ${MAX_LINKS} traces to a run in a single request. Provided ${traceIds.length} traces.`
      )
    await runs.get({ project, runId })
    await store.linkRun(await store.findMany(project, traceIds), runId)
  }

  return {
    get,
    linkToRun,
    async finish(project, info) {
      const experiment = await experiments.getActive(project, info.experimentId)
      checkPairs([...info.tags, ...info.metadata])
      return store.finish(project, {
        ...info,
        experimentId: experiment.experiment_id,
        tags: info.tags.map(shortened).filter((tag) => tag.key !== 'mlflow.artifactLocation'),
      })
    },
    async export({ project, experimentId, runId, spans }) {
      const experiment = await experiments.getActive(project, experimentId)
      if (runId !== null) await runs.get({ project, runId })
      const traces = groupByTrace(spans, experiment.experiment_id)
      if (traces.length > 0) await store.addSpans(project, traces)
      const ids = traces.map((trace) => trace.traceId)
      if (runId !== null) await store.linkRun(await store.findMany(project, ids), runId)
      return ids
    },
    async getRecord(project, traceId) {
      const [record] = await store.read([await get(project, traceId)])
      if (record === undefined) throw doesNotExist(`Trace with ID '${traceId}' not found`)
      return record
    },
    async setTag(project, traceId, tag) {
      checkPairs([tag])
      await store.setTag(await get(project, traceId), shortened(tag))
    },
    async deleteTag(project, traceId, key) {
      if (!(await store.deleteTag(await get(project, traceId), key)))
        throw doesNotExist(`No trace tag with key '${key}' for trace with ID '${traceId}'`)
    },
  }
}

const shortened = ({ key, value }: KeyValue): KeyValue => ({
  key,
  value: truncate(value, MAX.tagLength),
})
