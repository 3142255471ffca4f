import { z } from 'zod'
import type { Database } from '../../../platform/database/index.ts'
import { invalidParameter, doesNotExist, MlflowError } from '../mlflow/mlflow-error.ts'
import { mlflowRoute, type MlflowRoute } from '../mlflow/scope.ts'
import type { TrackingTables } from '../tables.ts'

const NAME = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/
const DEFAULT = 'default'
const named = z.object({ name: z.string().min(1) })
const settings = z.object({
  description: z.string().optional(),
  default_artifact_root: z.string().optional(),
  trace_archival_config: z.object({}).loose().optional(),
})

/**
 * MLflow's workspaces by name. A workspace is also there as soon as it is used, so the list has both those that were made and those that hold something.
 * `holdsMore` says whether another part of Trestle keeps something in one.
 */
export function workspaceRoutes(deps: {
  database: Database
  holdsMore: (project: string) => Promise<boolean>
}): MlflowRoute[] {
  const db = deps.database.as<TrackingTables>()

  const made = (project: string) =>
    db
      .selectFrom('workspaces')
      .select(['name', 'description'])
      .where('project', '=', project)
      .execute()

  const used = async (project: string): Promise<string[]> => {
    const rows = await db
      .selectFrom('experiments')
      .select('project')
      .distinct()
      // `0` follows `/` in byte order.
      .where('project', '>', `${project}/`)
      .where('project', '<', `${project}0`)
      .execute()
    return rows.map((row) => row.project.slice(project.length + 1))
  }

  const all = async (project: string) => {
    const known = new Map<string, { name: string; description?: string }>([
      [DEFAULT, { name: DEFAULT, description: 'The project itself' }],
    ])
    for (const name of await used(project)) known.set(name, { name })
    for (const { name, description } of await made(project))
      known.set(name, { name, ...(description === null ? {} : { description }) })
    return known
  }

  const get = async (project: string, name: string) => {
    const workspace = (await all(project)).get(name)
    if (workspace === undefined) throw doesNotExist(`Workspace '${name}' not found`)
    return workspace
  }

  const put = async (project: string, name: string, description: string | null) => {
    await db
      .insertInto('workspaces')
      .values({ project, name, description })
      .onConflict((c) => c.columns(['project', 'name']).doUpdateSet({ description }))
      .execute()
    return { workspace: await get(project, name) }
  }

  const holds = async (project: string): Promise<boolean> => {
    for (const table of ['runs', 'logged_models', 'traces', 'evaluation_datasets'] as const) {
      const row = await db
        .selectFrom(table)
        .select('project')
        .where('project', '=', project)
        .limit(1)
        .executeTakeFirst()
      if (row !== undefined) return true
    }
    return deps.holdsMore(project)
  }

  return [
    mlflowRoute({
      method: 'GET',
      path: 'workspaces',
      fields: z.object({}),
      handle: async (_f, { project }) => ({
        workspaces: [...(await all(baseOf(project))).values()].toSorted((a, b) =>
          a.name < b.name ? -1 : 1
        ),
      }),
    }),
    mlflowRoute({
      method: 'POST',
      path: 'workspaces',
      status: 201,
      fields: named.extend(settings.shape),
      handle: async (f, { project }) => {
        checkName(f.name)
        checkSettings(f)
        const base = baseOf(project)
        if ((await all(base)).has(f.name))
          throw new MlflowError('RESOURCE_ALREADY_EXISTS', `Workspace '${f.name}' already exists.`)
        return put(base, f.name, f.description ?? null)
      },
    }),
    mlflowRoute({
      method: 'GET',
      path: 'workspaces/:name',
      fields: named,
      handle: async (f, { project }) => ({ workspace: await get(baseOf(project), f.name) }),
    }),
    mlflowRoute({
      method: 'PATCH',
      path: 'workspaces/:name',
      fields: named.extend(settings.shape),
      handle: async (f, { project }) => {
        checkSettings(f)
        await get(baseOf(project), f.name)
        if (f.name === DEFAULT)
          throw invalidParameter(`The '${DEFAULT}' workspace is the project itself`)
        return put(baseOf(project), f.name, f.description ?? null)
      },
    }),
    mlflowRoute({
      method: 'DELETE',
      path: 'workspaces/:name',
      status: 204,
      fields: named.extend({ mode: z.string().default('RESTRICT') }),
      handle: async (f, { project }) => {
        if (f.name === DEFAULT)
          throw invalidParameter(`The '${DEFAULT}' workspace is reserved and cannot be deleted`)
        if (f.mode !== 'RESTRICT')
          throw invalidParameter(
            `Deletion mode '${f.mode}' is not offered here: delete what the workspace holds first, then it with mode RESTRICT`
          )
        const base = baseOf(project)
        await get(base, f.name)
        const space = `${base}/${f.name}`
        if (await holds(space))
          throw invalidParameter(
            `Workspace '${f.name}' still holds runs, models, traces or datasets (deleted ones count until they are collected)`
          )
        await db.transaction().execute(async (tx) => {
          for (const table of ['experiment_tags', 'experiments'] as const)
            await tx.deleteFrom(table).where('project', '=', space).execute()
          await tx
            .deleteFrom('workspaces')
            .where('project', '=', base)
            .where('name', '=', f.name)
            .execute()
        })
        return {}
      },
    }),
  ]
}

/** The project of a caller, in whatever workspace of it he is. */
const baseOf = (project: string): string => project.split('/')[0] ?? project

function checkName(name: string): void {
  if (name === DEFAULT)
    throw invalidParameter(`The '${DEFAULT}' workspace is reserved and cannot be created`)
  if (!NAME.test(name))
    throw invalidParameter(
      `Workspace name '${name}' must be 1 to 63 lower-case letters, digits and inner hyphens.`
    )
}

function checkSettings(f: z.output<typeof settings>): void {
  if ((f.default_artifact_root ?? '') !== '' || f.trace_archival_config !== undefined)
    throw invalidParameter(
      'Artifacts and traces of every workspace are kept where the server keeps them: leave default_artifact_root and trace_archival_config out'
    )
}
