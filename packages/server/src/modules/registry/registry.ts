import type { Clock } from '../../kernel/clock.ts'
import { sortableId } from '../../kernel/ids.ts'
import { fail } from '../../platform/errors.ts'
import type { Topic } from '../../platform/events/topic.ts'
import {
  doesNotExist,
  invalidParameter,
  MlflowError,
  type KeyValue,
  type Tracking,
} from '../tracking/index.ts'
import { checkAlias, checkModelName, checkTag } from './limits.ts'
import {
  stageOf,
  type Stage,
  type ModelVersionRecord,
  type RegistryEvent,
  type VersionFile,
} from './model-version.ts'
import type { Governance } from './governance/governance.ts'
import type { HistoryKind } from './history.ts'
import type { RegistryReader } from './reader.ts'
import { parseReference } from './reference.ts'
import type { Seal } from './seal.ts'
import type { ModelRow, RegistryStore, VersionRow } from './store.ts'

export type NewVersionRequest = Readonly<{
  project: string
  name: string
  source: string
  runId: string | null
  modelId: string | null
  runLink: string
  description: string
  tags: readonly KeyValue[]
  featureService: string | null
  by: string
  /** As another server had it: its number, stage and times are kept. */
  as?: Readonly<{ version: number; stage: Stage; createdAt: number; updatedAt: number }>
}>

/** What makes a move later, in place of the one that was asked for. */
export type Deferral = Readonly<{ rolloutId: string }>

/** Asked before an alias or a stage moves to a version; an answer means that the move is made by a rollout, if that ends well. */
export type MoveGate = (move: {
  project: string
  name: string
  version: number
  to: Readonly<{ alias: string } | { stage: string }>
  archiveOthers: boolean
  by: string
}) => Promise<Deferral | null>

/** What may be done with registered models and their versions. Failures are MLflow's, which the native routes translate. */
export interface RegisteredModels {
  create(given: {
    project: string
    name: string
    description: string | null
    tags: readonly KeyValue[]
  }): Promise<ModelRow>
  /** Throws RESOURCE_DOES_NOT_EXIST. */
  getModel(project: string, name: string): Promise<ModelRow>
  update(
    project: string,
    name: string,
    changes: { name?: string; description?: string }
  ): Promise<ModelRow>
  remove(project: string, name: string): Promise<void>
  setModelTag(model: ModelRow, tag: KeyValue): Promise<void>
  /** Resolves the source to files, looks into them, and seals the version. */
  createVersion(request: NewVersionRequest): Promise<ModelVersionRecord>
  getVersion(project: string, name: string, version: number): Promise<VersionRow>
  getRecord(project: string, name: string, version: number): Promise<ModelVersionRecord>
  setVersionTag(row: VersionRow, tag: KeyValue): Promise<void>
  describe(row: VersionRow, description: string): Promise<void>
  removeVersion(given: {
    project: string
    name: string
    version: number
    by: string
  }): Promise<void>
  findByAlias(project: string, name: string, alias: string): Promise<ModelVersionRecord>
  setAlias(given: {
    project: string
    name: string
    alias: string
    version: number | null
    by: string
  }): Promise<Deferral | null>
  transitionStage(given: {
    project: string
    name: string
    version: number
    stage: string
    archiveOthers: boolean
    by: string
  }): Promise<ModelVersionRecord & { deferral: Deferral | null }>
  resolve(project: string, reference: string): Promise<ModelVersionRecord>
}

export function createRegisteredModels(deps: {
  store: RegistryStore
  reader: RegistryReader
  tracking: Tracking
  seal: (files: readonly VersionFile[]) => Promise<Seal>
  changed: Topic<RegistryEvent>
  deferMove: MoveGate
  pinFeatureService: (project: string, service: string) => string
  /** Asked before a move, and told after it. */
  guard: Pick<Governance, 'check' | 'applied'>
  clock: Clock
}): RegisteredModels {
  const { store, reader, tracking, clock } = deps

  const getModel = async (project: string, name: string): Promise<ModelRow> => {
    checkModelName(name)
    const model = await store.findModel(project, name)
    if (model === undefined) throw doesNotExist(`Registered Model with name=${name} not found`)
    return model
  }

  const getVersion = async (
    project: string,
    name: string,
    version: number
  ): Promise<VersionRow> => {
    checkModelName(name)
    const model = await store.findModel(project, name)
    const row = model === undefined ? undefined : await store.findVersion(model, version)
    if (row === undefined)
      throw doesNotExist(`Model Version (name=${name}, version=${version}) not found`)
    return row
  }

  const read = async (row: VersionRow): Promise<ModelVersionRecord> => {
    const [record] = await reader.versions([row])
    if (record === undefined) throw doesNotExist('The registered model was deleted meanwhile')
    return record
  }

  const getRecord = async (project: string, name: string, version: number) =>
    read(await getVersion(project, name, version))

  /** Keeps an event for the history. */
  const remember = async (
    model: ModelRow,
    event: Readonly<{
      kind: HistoryKind
      version: number
      alias?: string
      stage?: string
      by: string
    }>
  ): Promise<number> => {
    const at = clock.now()
    await store.addEvent({
      event_id: sortableId('rev', at),
      model_key: model.model_key,
      version: event.version,
      kind: event.kind,
      alias: event.alias ?? null,
      stage: event.stage ?? null,
      by: event.by,
      at,
    })
    return at
  }

  /** Keeps the event and tells the listeners, once what it speaks of is on disk. */
  const announce = async (
    model: ModelRow,
    event: Omit<RegistryEvent, 'project' | 'name' | 'at'>
  ) => {
    const at = await remember(model, event)
    deps.changed.publish({ ...event, project: model.project, name: model.name, at })
  }

  const lineageOf = async (
    request: NewVersionRequest
  ): Promise<{ runId: string | null; modelId: string | null }> => {
    const modelId = request.modelId ?? /^models:\/+(m-[^/]+)/.exec(request.source)?.[1] ?? null
    const model = modelId === null ? null : await tracking.getLoggedModel(request.project, modelId)
    if (request.modelId !== null && model === null)
      throw doesNotExist(`Logged model with ID '${request.modelId}' not found.`)
    if (request.runId !== null && (await tracking.getRun(request.project, request.runId)) === null)
      throw doesNotExist(`Run with id=${request.runId} not found`)
    return { runId: request.runId ?? model?.sourceRunId ?? null, modelId }
  }

  const resolve = async (project: string, text: string): Promise<ModelVersionRecord> => {
    const reference = parseReference(text)
    if (reference === null)
      throw fail(
        'registry.version_not_found',
        `"${text}" names no model version: write name/3, name@alias or name/Production`
      )
    const model = await store.findModel(project, reference.name)
    if (model === undefined)
      throw fail('registry.model_not_found', `No registered model "${reference.name}"`, {
        details: { name: reference.name },
      })
    const row = await findReferenced(model, reference)
    if (row === undefined)
      throw fail('registry.version_not_found', `No model version "${text}"`, {
        details: { reference: text },
      })
    return read(row)
  }

  const findReferenced = async (
    model: ModelRow,
    reference: NonNullable<ReturnType<typeof parseReference>>
  ): Promise<VersionRow | undefined> => {
    switch (reference.kind) {
      case 'version':
        return store.findVersion(model, reference.version)
      case 'alias': {
        const version = await store.findAlias(model, reference.alias)
        return version === undefined ? undefined : store.findVersion(model, version)
      }
      case 'stage':
        return store.findLatest(model, reference.stage)
      case 'latest':
        return store.findLatest(model, null)
    }
  }

  return {
    getModel,
    getVersion,
    getRecord,
    resolve,
    async create({ project, name, description, tags }) {
      checkModelName(name)
      for (const tag of tags) checkTag(tag)
      const now = clock.now()
      const row = { project, name, description, created_at: now, updated_at: now }
      if (!(await store.insertModel(row, tags)))
        throw new MlflowError(
          'RESOURCE_ALREADY_EXISTS',
          `Registered Model (name=${name}) already exists.`
        )
      return getModel(project, name)
    },
    async update(project, name, changes) {
      const model = await getModel(project, name)
      if (changes.name !== undefined) checkModelName(changes.name)
      if (!(await store.updateModel(model, { ...changes, updated_at: clock.now() })))
        throw new MlflowError(
          'RESOURCE_ALREADY_EXISTS',
          `Registered Model (name=${changes.name ?? ''}) already exists.`
        )
      return getModel(project, changes.name ?? name)
    },
    async remove(project, name) {
      await store.deleteModel(await getModel(project, name))
    },
    async setModelTag(model, tag) {
      checkTag(tag)
      await store.setModelTag(model, tag)
    },
    async createVersion(request) {
      const { project, name, source } = request
      const model = await getModel(project, name)
      for (const tag of request.tags) checkTag(tag)
      checkSource(source)
      const { runId, modelId } = await lineageOf(request)
      const copied = await sourceVersion(resolve, { project, source })
      const storageUri = copied?.storageUri ?? (await tracking.resolveUri(project, source))
      const files = copied?.files ?? (await tracking.listFiles(project, storageUri))
      const sealed = await deps.seal(files)
      const now = clock.now()
      const version = await store.insertVersion(
        model,
        {
          stage: request.as?.stage ?? 'None',
          status: sealed.status,
          status_message: sealed.statusMessage,
          source,
          storage_uri: storageUri,
          run_id: runId,
          run_link: request.runLink,
          model_id: modelId,
          user_id: request.by,
          description: request.description,
          flavor: sealed.flavor,
          signature: sealed.signature === null ? null : JSON.stringify(sealed.signature),
          onnx_file: sealed.onnxFile,
          onnx: sealed.onnx === null ? null : JSON.stringify(sealed.onnx),
          feature_service:
            request.featureService === null
              ? null
              : deps.pinFeatureService(project, request.featureService),
          lifecycle_stage: 'active',
          created_at: request.as?.createdAt ?? now,
          updated_at: request.as?.updatedAt ?? now,
        },
        {
          files,
          tags: request.tags,
          ...(request.as === undefined ? {} : { number: request.as.version }),
        }
      )
      if (modelId !== null) await tracking.noteRegistration(project, modelId, { name, version })
      await announce(model, { kind: 'version.created', version, by: request.by })
      return getRecord(project, name, version)
    },
    async setVersionTag(row, tag) {
      checkTag(tag)
      await store.setVersionTag(row, tag)
    },
    async describe(row, description) {
      await store.updateVersion(row, { description, updated_at: clock.now() })
    },
    async removeVersion({ project, name, version, by }) {
      const row = await getVersion(project, name, version)
      await store.deleteVersion(row, clock.now())
      await remember(await getModel(project, name), { kind: 'version.deleted', version, by })
    },
    async findByAlias(project, name, alias) {
      const model = await getModel(project, name)
      const version = await store.findAlias(model, alias)
      if (version === undefined)
        throw invalidParameter(`Registered model alias ${alias} not found.`)
      return getRecord(project, name, version)
    },
    async setAlias({ project, name, alias, version, by }) {
      const model = await getModel(project, name)
      checkAlias(alias)
      await deps.guard.check(model, { kind: 'alias', target: alias }, version)
      if (version === null) {
        const held = await store.findAlias(model, alias)
        await store.setAlias(model, alias, null)
        if (held !== undefined)
          await remember(model, { kind: 'alias.removed', version: held, alias, by })
        return null
      }
      const row = await getVersion(project, name, version)
      if (row.status !== 'READY')
        throw fail(
          'registry.version_not_ready',
          `Version ${version} of "${name}" is ${row.status}: an alias would send traffic to a model that can't be read`
        )
      const move = { project, name, version, to: { alias }, archiveOthers: false, by }
      const deferral = await deps.deferMove(move)
      if (deferral !== null) return deferral
      await store.setAlias(model, alias, version)
      await announce(model, { kind: 'alias.moved', version, alias, by })
      await deps.guard.applied(model, { kind: 'alias', target: alias }, version)
      return null
    },
    async transitionStage({ project, name, version, stage, archiveOthers, by }) {
      const target = stageOf(stage)
      if (target === null)
        throw invalidParameter(
          `Invalid Model Version stage: ${stage}. Value must be one of None, Staging, Production, Archived.`
        )
      if (archiveOthers && target !== 'Staging' && target !== 'Production')
        throw invalidParameter(
          `Model version transition cannot archive existing model versions because '${target}' is not an Active stage. Valid stages are Staging, Production`
        )
      const row = await getVersion(project, name, version)
      const model = await getModel(project, name)
      const place = { kind: 'stage', target } as const
      if (row.stage !== target) await deps.guard.check(model, place, version)
      const move = { project, name, version, to: { stage: target }, archiveOthers, by }
      const deferral = row.stage === target ? null : await deps.deferMove(move)
      if (deferral !== null) return { ...(await read(row)), deferral }
      const others = archiveOthers ? await store.versionsIn(model, target) : []
      await store.moveStage(row, { stage: target, archiveOthers, at: clock.now() })
      for (const other of others)
        if (other !== version)
          await remember(model, { kind: 'stage.changed', version: other, stage: 'Archived', by })
      await announce(model, { kind: 'stage.changed', version, stage: target, by })
      await deps.guard.applied(model, place, version)
      return { ...(await getRecord(project, name, version)), deferral: null }
    },
  }
}

/** `models:/name/3` as a source: a new version with the same files, as `copy_model_version` makes it. */
async function sourceVersion(
  resolve: (project: string, reference: string) => Promise<ModelVersionRecord>,
  given: { project: string; source: string }
): Promise<ModelVersionRecord | null> {
  if (!/^models:\/+(?!m-[^/]+(?:\/|$))/.test(given.source)) return null
  return resolve(given.project, given.source)
}

/** A path of this server's own disk, or one that climbs, must not become a model. */
function checkSource(source: string): void {
  if (source === '') throw invalidParameter("Missing value for required parameter 'source'.")
  if (source.startsWith('/') || /^file:/i.test(source) || source.split(/[/\\]/).includes('..'))
    throw invalidParameter(
      `Invalid model version source: '${source}'. To use a local path as a model version source, upload the files as artifacts first.`
    )
}
