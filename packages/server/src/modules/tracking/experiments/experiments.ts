import type { Clock } from '../../../kernel/clock.ts'
import { doesNotExist, invalidParameter, MlflowError } from '../mlflow/mlflow-error.ts'
import { checkKey, MAX, truncate } from '../mlflow/limits.ts'
import type { ExperimentRow, ExperimentStore, TagRow } from './experiment-store.ts'

export const DEFAULT_EXPERIMENT_ID = 0

/** Experiments of a project. Every project has experiment 0, `Default`, from its first use. */
export interface Experiments {
  create(given: {
    project: string
    name: string
    artifactLocation?: string | undefined
    tags: readonly TagRow[]
  }): Promise<number>
  /** Throws RESOURCE_DOES_NOT_EXIST. */
  get(project: string, id: string): Promise<ExperimentRow>
  /** As `get`, and INVALID_PARAMETER_VALUE when it is deleted. */
  getActive(project: string, id: string): Promise<ExperimentRow>
  getByName(project: string, name: string): Promise<ExperimentRow>
  rename(project: string, id: string, name: string): Promise<void>
  setStage(project: string, id: string, stage: 'active' | 'deleted'): Promise<void>
  setTag(project: string, id: string, tag: TagRow): Promise<void>
  deleteTag(project: string, id: string, key: string): Promise<void>
  /** Makes sure that the project's `Default` is there. */
  ensureDefault(project: string): Promise<void>
}

export function createExperiments(deps: { store: ExperimentStore; clock: Clock }): Experiments {
  const { store, clock } = deps
  const withDefault = new Set<string>()

  const ensureDefault = async (project: string): Promise<void> => {
    if (withDefault.has(project)) return
    const now = clock.now()
    await store.insert({
      project,
      experiment_id: DEFAULT_EXPERIMENT_ID,
      name: 'Default',
      artifact_location: `mlflow-artifacts:/${DEFAULT_EXPERIMENT_ID}`,
      lifecycle_stage: 'active',
      creation_time: now,
      last_update_time: now,
    })
    withDefault.add(project)
  }

  const get = async (project: string, id: string): Promise<ExperimentRow> => {
    await ensureDefault(project)
    const row = /^\d{1,15}$/.test(id) ? await store.find(project, Number(id)) : undefined
    if (row === undefined && Number(id) === DEFAULT_EXPERIMENT_ID && withDefault.delete(project))
      return get(project, id) // the workspace was deleted meanwhile, here or by another server
    if (row === undefined) throw doesNotExist(`No Experiment with id=${id} exists`)
    return row
  }

  const getActive = async (project: string, id: string): Promise<ExperimentRow> => {
    const row = await get(project, id)
    if (row.lifecycle_stage !== 'active')
      throw invalidParameter(
        `The experiment ${id} must be in the 'active' state. Current state is ${row.lifecycle_stage}.`
      )
    return row
  }

  return {
    ensureDefault,
    get,
    getActive,
    async create({ project, name, artifactLocation, tags }) {
      checkName(name)
      for (const tag of tags) checkKey('tag', tag.key)
      await ensureDefault(project)
      if ((await store.findByName(project, name)) !== undefined) throw nameTaken(name)
      const id = await store.nextId(project)
      const now = clock.now()
      const isInserted = await store.insert(
        {
          project,
          experiment_id: id,
          name,
          artifact_location: locationOf(artifactLocation, id),
          lifecycle_stage: 'active',
          creation_time: now,
          last_update_time: now,
        },
        tags.map((t) => ({ key: t.key, value: truncate(t.value, MAX.experimentTagLength) }))
      )
      if (!isInserted) throw nameTaken(name)
      return id
    },
    async getByName(project, name) {
      await ensureDefault(project)
      const row = await store.findByName(project, name)
      if (row === undefined) throw doesNotExist(`Could not find experiment with name '${name}'`)
      return row
    },
    async rename(project, id, name) {
      checkName(name)
      const row = await get(project, id)
      if (row.lifecycle_stage !== 'active')
        throw invalidParameter('Cannot rename a non-active experiment.')
      const changes = { name, last_update_time: clock.now() }
      if (!(await store.update(row, changes))) throw nameTaken(name)
    },
    async setStage(project, id, stage) {
      const row = await get(project, id)
      if (row.lifecycle_stage === stage)
        throw doesNotExist(
          stage === 'deleted'
            ? `No Experiment with id=${id} exists`
            : `Experiment ${id} is not deleted, so it can't be restored`
        )
      if (stage === 'deleted' && row.experiment_id === DEFAULT_EXPERIMENT_ID)
        throw invalidParameter('The Default experiment of a project can not be deleted')
      await store.update(row, { lifecycle_stage: stage, last_update_time: clock.now() })
    },
    async setTag(project, id, tag) {
      checkKey('tag', tag.key)
      const row = await getActive(project, id)
      await store.setTag(row, { key: tag.key, value: truncate(tag.value, MAX.experimentTagLength) })
    },
    async deleteTag(project, id, key) {
      const row = await getActive(project, id)
      if (!(await store.deleteTag(row, key)))
        throw doesNotExist(`No tag with name: ${key} in experiment with id ${id}`)
    },
  }
}

function checkName(name: string): void {
  if (name.length > MAX.experimentNameLength)
    throw invalidParameter(
      `Invalid value for parameter 'name' supplied: an experiment name has at most ${MAX.experimentNameLength} characters`
    )
}

/** Only our own artifact store: a client given another place would write there by itself, unseen by the registry. */
function locationOf(asked: string | undefined, id: number): string {
  if (asked === undefined || asked === '') return `mlflow-artifacts:/${id}`
  if (asked.includes('#') || asked.includes('?') || asked.includes('..'))
    throw invalidParameter(`Invalid artifact location: ${asked}`)
  return asked.replace(/\/+$/, '')
}

const nameTaken = (name: string) =>
  new MlflowError('RESOURCE_ALREADY_EXISTS', `Experiment(name=${name}) already exists.`)
