import { randomUUID } from 'node:crypto'
import { sql, type Selectable } from 'kysely'
import { z } from 'zod'
import type { Clock } from '../../../kernel/clock.ts'
import type { Database } from '../../../platform/database/index.ts'
import type { Experiments } from '../experiments/experiments.ts'
import { doesNotExist, invalidParameter } from '../mlflow/mlflow-error.ts'
import { mlflowRoute, type MlflowRoute } from '../mlflow/scope.ts'
import type { ScorersTable, TrackingTables } from '../tables.ts'

type Row = Selectable<ScorersTable>
const named = z.object({ experiment_id: z.string().min(1), name: z.string().min(1) })
const version = z.coerce.number().int().positive().optional()

/** MLflow's scorers: judges of GenAI answers, kept by experiment and name, each change a version. They are kept, never run here. */
export function scorerRoutes(deps: {
  database: Database
  experiments: Experiments
  clock: Clock
}): MlflowRoute[] {
  const { experiments, clock } = deps
  const db = deps.database.as<TrackingTables>()

  const experimentId = async (project: string, id: string): Promise<number> =>
    (await experiments.getActive(project, id)).experiment_id

  const versionsOf = async (project: string, f: { experiment_id: string; name: string }) => {
    const rows = await db
      .selectFrom('scorers')
      .selectAll()
      .where('project', '=', project)
      .where('experiment_id', '=', await experimentId(project, f.experiment_id))
      .where('name', '=', f.name)
      .orderBy('version')
      .execute()
    if (rows.length === 0)
      throw doesNotExist(
        `Scorer with name '${f.name}' not found for experiment ${f.experiment_id}.`
      )
    return rows
  }

  const pick = (rows: readonly Row[], wanted: number | undefined): Row => {
    const row = wanted === undefined ? rows.at(-1) : rows.find((one) => one.version === wanted)
    if (row === undefined)
      throw doesNotExist(
        `Scorer with name '${rows[0]?.name ?? ''}' and version ${wanted} not found.`
      )
    return row
  }

  return [
    mlflowRoute({
      method: 'POST',
      path: 'scorers/register',
      fields: named.extend({ serialized_scorer: z.string().min(1) }),
      handle: async (f, { project }) => {
        checkSerialized(f.serialized_scorer)
        const experiment_id = await experimentId(project, f.experiment_id)
        const key = { project, experiment_id, name: f.name }
        // The counter gives each version once, however many register at a time.
        const counter = await db
          .insertInto('tracking_counters')
          .values({ project, name: `scorer:${experiment_id}:${f.name}`, value: 1 })
          .onConflict((c) =>
            c.columns(['project', 'name']).doUpdateSet({ value: sql`tracking_counters.value + 1` })
          )
          .returning('value')
          .executeTakeFirstOrThrow()
        const known = await db
          .selectFrom('scorers')
          .select('scorer_id')
          .where('project', '=', project)
          .where('experiment_id', '=', experiment_id)
          .where('name', '=', f.name)
          .executeTakeFirst()
        const row = {
          ...key,
          version: counter.value,
          scorer_id: known?.scorer_id ?? randomUUID(),
          serialized_scorer: f.serialized_scorer,
          creation_time: clock.now(),
        }
        await db.insertInto('scorers').values(row).execute()
        return {
          version: row.version,
          scorer_id: row.scorer_id,
          experiment_id: String(experiment_id),
          name: row.name,
          serialized_scorer: row.serialized_scorer,
          creation_time: row.creation_time,
        }
      },
    }),
    mlflowRoute({
      method: 'GET',
      path: 'scorers/list',
      fields: z.object({
        experiment_id: z.string().optional(),
        experiment_ids: z.union([z.string(), z.array(z.string())]).optional(),
      }),
      handle: async (f, { project }) => {
        if (f.experiment_id !== undefined && f.experiment_ids !== undefined)
          throw invalidParameter("Cannot specify both 'experiment_id' and 'experiment_ids'.")
        const asked = [f.experiment_id ?? f.experiment_ids ?? []].flat()
        const rows = await db
          .selectFrom('scorers')
          .selectAll()
          .where('project', '=', project)
          .$if(asked.length > 0, (q) =>
            q.where('experiment_id', 'in', asked.map(Number).filter(Number.isInteger))
          )
          .orderBy('experiment_id')
          .orderBy('name')
          .orderBy('version')
          .execute()
        const latest = new Map(rows.map((row) => [`${row.experiment_id} ${row.name}`, row]))
        return { scorers: [...latest.values()].map(toWire) }
      },
    }),
    mlflowRoute({
      method: 'GET',
      path: 'scorers/online-configs',
      fields: z.object({}),
      // None is ever run here, so none has a sampling rate.
      handle: async () => ({ configs: [] }),
    }),
    mlflowRoute({
      method: 'GET',
      path: 'scorers/versions',
      fields: named,
      handle: async (f, { project }) => ({
        scorers: (await versionsOf(project, f)).map(toWire),
      }),
    }),
    mlflowRoute({
      method: 'GET',
      path: 'scorers/get',
      fields: named.extend({ version }),
      handle: async (f, { project }) => ({
        scorer: toWire(pick(await versionsOf(project, f), f.version)),
      }),
    }),
    mlflowRoute({
      method: 'DELETE',
      path: 'scorers/delete',
      fields: named.extend({ version }),
      handle: async (f, { project }) => {
        const rows = await versionsOf(project, f)
        const { experiment_id, name } = pick(rows, f.version)
        await db
          .deleteFrom('scorers')
          .where('project', '=', project)
          .where('experiment_id', '=', experiment_id)
          .where('name', '=', name)
          .$if(f.version !== undefined, (q) => q.where('version', '=', f.version ?? 0))
          .execute()
        return {}
      },
    }),
  ]
}

function checkSerialized(text: string): void {
  try {
    if (z.record(z.string(), z.unknown()).safeParse(JSON.parse(text)).success) return
  } catch {
    // Told below.
  }
  throw invalidParameter('serialized_scorer must be a JSON object')
}

const toWire = (row: Row) => ({
  experiment_id: row.experiment_id,
  scorer_name: row.name,
  scorer_version: row.version,
  serialized_scorer: row.serialized_scorer,
  creation_time: row.creation_time,
  scorer_id: row.scorer_id,
})
