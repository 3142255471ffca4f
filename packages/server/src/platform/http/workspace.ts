import type { IncomingMessage } from 'node:http'
import { fail } from '../errors.ts'

const HEADER = 'x-mlflow-workspace'
const PREFIX = /^\/w\/([^/?]+)(?=[/?]|$)/
const NAME = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/

/**
 * A workspace is a space of its own within a project: runs, models, everything. It is named by a path before every route
 * (`MLFLOW_TRACKING_URI=http://host/w/<name>`) or by MLflow's header, and is there as soon as it is used.
 */
export function takeWorkspaceFromPath(request: IncomingMessage): string {
  const url = request.url ?? '/'
  if (!url.startsWith('/w/')) return url
  const name = PREFIX.exec(url)?.[1]
  if (name === undefined) return url
  request.headers[HEADER] = name
  const rest = url.slice('/w/'.length + name.length)
  return rest.startsWith('/') ? rest : `/${rest}`
}

/** The project of a workspace of a project. `default` is the project itself. Throws request.invalid for what is no name. */
export function projectOfWorkspace(
  project: string,
  workspace: string | string[] | undefined
): string {
  if (workspace === undefined || workspace === '' || workspace === 'default') return project
  if (typeof workspace !== 'string' || !NAME.test(workspace))
    throw fail(
      'request.invalid',
      'A workspace has between 1 and 63 lower-case letters, digits and inner hyphens'
    )
  return `${project}/${workspace}`
}
