import type { LoggedModelStore } from '../logged-models/logged-model-store.ts'
import { doesNotExist, invalidParameter } from '../mlflow/mlflow-error.ts'
import type { RunReader } from '../runs/run-reader.ts'
import type { RunStore } from '../runs/run-store.ts'
import { pathOfUri } from './artifact-path.ts'
import type { StoredFile } from './artifact-store.ts'
import type { Artifacts } from './artifacts.ts'

/** What artifact URIs stand for. */
export interface ArtifactUris {
  /** `runs:/<run>/<path>` and `models:/m-…[/<path>]` as the place where the files lie. Throws RESOURCE_DOES_NOT_EXIST. */
  resolve(project: string, uri: string): Promise<string>
  files(project: string, uri: string): Promise<StoredFile[]>
}

const RUN_URI = /^runs:\/+([^/]+)(?:\/(.*))?$/
const MODEL_URI = /^models:\/+(m-[^/]+)(?:\/(.*))?$/

export function createArtifactUris(deps: {
  runs: RunStore
  reader: RunReader
  models: LoggedModelStore
  artifacts: Artifacts
}): ArtifactUris {
  const { runs, reader, models, artifacts } = deps

  const ofModel = async (project: string, id: string): Promise<string> => {
    const model = await models.find(project, id)
    if (model === undefined) throw doesNotExist(`Logged model with ID '${id}' not found.`)
    return model.artifact_uri
  }

  const ofRun = async (project: string, runId: string, path: string): Promise<string> => {
    const run = await runs.find(project, runId)
    if (run === undefined) throw doesNotExist(`Run with id=${runId} not found`)
    const uri = path === '' ? run.artifact_uri : `${run.artifact_uri}/${path}`
    const place = pathOfUri(uri)
    if (path === '' || place === null || (await artifacts.tree(project, place)).length > 0)
      return uri
    // MLflow 3 keeps a run's models outside the run's folder, under the name that `runs:/<run>/<name>` says.
    const [record] = await reader.read([run])
    for (const output of (record?.modelOutputs ?? []).toReversed()) {
      const model = await models.find(project, output.modelId)
      if (model?.name === path) return model.artifact_uri
    }
    return uri
  }

  const resolve = async (project: string, uri: string): Promise<string> => {
    const model = MODEL_URI.exec(uri)
    if (model !== null) {
      const [, id = '', path = ''] = model
      const root = await ofModel(project, id)
      return path === '' ? root : `${root}/${path}`
    }
    const run = RUN_URI.exec(uri)
    if (run === null) {
      if (uri.startsWith('runs:')) throw invalidParameter(`Not a runs:/ URI: ${uri}`)
      return uri
    }
    const [, id = '', path = ''] = run
    return ofRun(project, id, path.replace(/\/+$/, ''))
  }

  return {
    resolve,
    async files(project, uri) {
      const path = pathOfUri(await resolve(project, uri))
      return path === null ? [] : artifacts.tree(project, path)
    },
  }
}
