import type { Database } from '../../../platform/database/index.ts'
import type { TrackingTables } from '../tables.ts'
import { fromStored } from './metric-value.ts'
import type {
  DatasetRecord,
  KeyValue,
  MetricPoint,
  RunRecord,
  RunRow,
  RunStatus,
} from './run-records.ts'

const CHUNK = 1_000

/** Reads what hangs on runs: one query per kind for a whole page, not one per run. */
export interface RunReader {
  read(rows: readonly RunRow[]): Promise<RunRecord[]>
}

export function createRunReader(database: Database): RunReader {
  const db = database.as<TrackingTables>()

  const keyValues = async (table: 'params' | 'run_tags', keys: readonly number[]) => {
    const rows = await db
      .selectFrom(table)
      .select(['run_key', 'key', 'value'])
      .where('run_key', 'in', keys)
      .orderBy('run_key')
      .orderBy('key')
      .execute()
    return groupByRun(rows, ({ key, value }): KeyValue => ({ key, value }))
  }

  const latest = async (keys: readonly number[]) => {
    const rows = await db
      .selectFrom('latest_metrics')
      .selectAll()
      .where('run_key', 'in', keys)
      .orderBy('run_key')
      .orderBy('key')
      .execute()
    return groupByRun(rows, (row): MetricPoint => ({
      key: row.key,
      value: fromStored(row),
      timestamp: row.timestamp,
      step: row.step,
    }))
  }

  const datasets = async (keys: readonly number[]) => {
    const rows = await db
      .selectFrom('run_datasets')
      .innerJoin('datasets', 'datasets.dataset_key', 'run_datasets.dataset_key')
      .selectAll('datasets')
      .select(['run_datasets.run_key', 'run_datasets.tags'])
      .where('run_datasets.run_key', 'in', keys)
      .orderBy('run_datasets.run_key')
      .orderBy('datasets.dataset_key')
      .execute()
    return groupByRun(rows, (row): DatasetRecord => ({
      name: row.name,
      digest: row.digest,
      sourceType: row.source_type,
      source: row.source,
      schema: row.schema,
      profile: row.profile,
      tags: JSON.parse(row.tags) as KeyValue[], // written by log-inputs
    }))
  }

  const models = async (keys: readonly number[]) => {
    const rows = await db
      .selectFrom('run_models')
      .selectAll()
      .where('run_key', 'in', keys)
      .orderBy('run_key')
      .orderBy('step')
      .execute()
    return groupByRun(rows, (row) => row)
  }

  const readChunk = async (rows: readonly RunRow[]): Promise<RunRecord[]> => {
    const keys = rows.map((row) => row.run_key)
    const params = await keyValues('params', keys)
    const tags = await keyValues('run_tags', keys)
    const metrics = await latest(keys)
    const inputs = await datasets(keys)
    const linked = await models(keys)
    return rows.map((row) => {
      const ofRun = linked.get(row.run_key) ?? []
      return {
        ...describe(row),
        metrics: metrics.get(row.run_key) ?? [],
        params: params.get(row.run_key) ?? [],
        tags: tags.get(row.run_key) ?? [],
        datasets: inputs.get(row.run_key) ?? [],
        modelInputs: ofRun.filter((m) => m.direction === 'input').map((m) => m.model_id),
        modelOutputs: ofRun
          .filter((m) => m.direction === 'output')
          .map((m) => ({ modelId: m.model_id, step: m.step })),
      }
    })
  }

  return {
    async read(rows) {
      const records: RunRecord[] = []
      for (let at = 0; at < rows.length; at += CHUNK)
        records.push(...(await readChunk(rows.slice(at, at + CHUNK))))
      return records
    },
  }
}

function groupByRun<R extends { run_key: number }, T>(
  rows: readonly R[],
  map: (row: R) => T
): Map<number, T[]> {
  const groups = new Map<number, T[]>()
  for (const row of rows) {
    const group = groups.get(row.run_key)
    if (group === undefined) groups.set(row.run_key, [map(row)])
    else group.push(map(row))
  }
  return groups
}

const describe = (row: RunRow) => ({
  project: row.project,
  runId: row.run_id,
  experimentId: String(row.experiment_id),
  name: row.run_name,
  userId: row.user_id,
  status: row.status as RunStatus, // only these are written
  startTime: row.start_time,
  endTime: row.end_time,
  artifactUri: row.artifact_uri,
  lifecycleStage: row.lifecycle_stage === 'active' ? ('active' as const) : ('deleted' as const),
})
