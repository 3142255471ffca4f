/**
 * Registered models: names, numbered versions, aliases, stages, in MLflow's words and in Trestle's own routes.
 * A version is sealed when it is made: which files it has, with their digests, its signature and its graph never change.
 * Owns no bytes and no runs: those are tracking's. Does not serve: it says what a reference stands for and where the file is.
 */
import type { ModelLatency, ModelVersionDetail } from '@trestle/contract'
import type { FastifyInstance } from 'fastify'
import type { Clock } from '../../kernel/clock.ts'
import type { BlobStore } from '../../platform/blobs/index.ts'
import type { Component } from '../../platform/component.ts'
import type { Database } from '../../platform/database/index.ts'
import { createTopic, type Topic } from '../../platform/events/topic.ts'
import type { Scheduler } from '../../platform/jobs/scheduler.ts'
import { bindMlflowRoutes, MlflowError, type Tracking } from '../tracking/index.ts'
import { createGovernance, type Governance } from './governance/governance.ts'
import { createGovernanceStore } from './governance/governance-store.ts'
import { addGovernanceRoutes } from './governance/routes.ts'
import { modelRoutes } from './mlflow-model-routes.ts'
import { versionRoutes } from './mlflow-version-routes.ts'
import type { ModelVersionRecord, RegistryEvent } from './model-version.ts'
import { inOwnWords } from './native-errors.ts'
import { feedsFromExample } from './onnx/example-feeds.ts'
import { measureLatency } from './onnx/measure-latency.ts'
import { addRegistryImportRoutes } from './import-routes.ts'
import { registryKeeper } from './keeper.ts'
import { readInputExample } from './input-example.ts'
import { addNativeRoutes, describeVersion } from './native-routes.ts'
import { createRegistryReader } from './reader.ts'
import { createRegisteredModels, type MoveGate, type RegisteredModels } from './registry.ts'
import { seal } from './seal.ts'
import { searchModels, searchVersions } from './search.ts'
import { createRegistryStore } from './store.ts'
import { addUploadRoutes } from './upload-routes.ts'
import { createVersionFolder } from './version-folder.ts'
import { announcing } from './webhooks/announcing-store.ts'
import { addDeliveryRoutes } from './webhooks/delivery-routes.ts'
import { createSender } from './webhooks/sender.ts'
import { webhookRoutes } from './webhooks/webhook-routes.ts'
import { createWebhookStore } from './webhooks/webhook-store.ts'
import { createWebhooks } from './webhooks/webhooks.ts'

export { registryMigrations } from './migrations/index.ts'
export type { ModelVersionRecord, RegistryEvent } from './model-version.ts'

export type { Column } from './signature.ts'

export interface Registry extends Component {
  /** MLflow's registry REST, and Trestle's own under `/api/models`. */
  routes(app: FastifyInstance): void
  /**
   * The version that a reference stands for now: `name/3`, `name@champion`, `name/Production`, `name/latest`, each with or without
   * `models:/`. A failed version is returned too: look at `status`. Throws registry.model_not_found, registry.version_not_found.
   */
  resolve(project: string, reference: string): Promise<ModelVersionRecord>
  /** Live versions that a run made, or that a feature service feeds, newest first. */
  findVersions(
    project: string,
    by: { runId: string } | { featureService: string }
  ): Promise<readonly ModelVersionRecord[]>
  get(project: string, name: string, version: number): Promise<ModelVersionRecord | null>
  /** A local file of the version, with its other files beside it. Throws registry.version_not_found when it has no such file. */
  localFile(version: Pick<ModelVersionRecord, 'files'>, path: string): Promise<string>
  /** A version with its run, data and code, as the API shows it. */
  describe(version: ModelVersionRecord): Promise<ModelVersionDetail>
  /** Times an ONNX version on this machine, on its input example where it has one. Null, with the reason, when it can't be run here. */
  measure(
    version: ModelVersionRecord
  ): Promise<{ latency: ModelLatency } | { latency: null; reason: string }>
  /** Points an alias at a version; null removes it. Throws registry.version_not_ready for a version that can't be read. */
  setAlias(move: {
    project: string
    name: string
    alias: string
    version: number | null
    by: string
  }): Promise<void>
  transitionStage(move: {
    project: string
    name: string
    version: number
    stage: string
    archiveOthers: boolean
    by: string
  }): Promise<void>
  /** The versions that are in a stage now. */
  versionsIn(project: string, name: string, stage: string): Promise<number[]>
  readonly changed: Topic<RegistryEvent>
}

export function createRegistry(deps: {
  database: Database
  blobs: BlobStore
  tracking: Tracking
  clock: Clock
  /** Where versions are laid out as folders. */
  folderRoot: string
  onListenerError: (error: unknown, topic: string) => void
  scheduler: Scheduler
  /** Whether webhooks may call addresses inside the network: only where no one outside this machine can make one. */
  webhooksMayStayInside: boolean
  /** Moves are made at once when left out. */
  deferMove?: MoveGate
  /** The feature service of a new version, with the service's version; as it was given when left out. */
  pinFeatureService?: (project: string, service: string) => string
}): Registry {
  const { database, blobs, tracking, clock } = deps
  const webhookStore = createWebhookStore(database)
  const webhooks = createWebhooks({
    store: webhookStore,
    send: createSender({ allowPrivate: deps.webhooksMayStayInside }),
    clock,
    scheduler: deps.scheduler,
  })
  const store = announcing(createRegistryStore(database), (project, news) =>
    webhooks.tell(project, news)
  )
  const reader = createRegistryReader(database)
  const folder = createVersionFolder({ blobs, root: deps.folderRoot })
  const changed = createTopic<RegistryEvent>('registry.changed', deps.onListenerError)
  const governance: Governance = createGovernance({
    store: createGovernanceStore(database),
    tracking,
    clock,
    getVersion: (model, version) => models.getRecord(model.project, model.name, version),
    holder: async (model, { kind, target }) => {
      const version =
        kind === 'alias'
          ? await store.findAlias(model, target)
          : (await store.versionsIn(model, target)).at(-1)
      return version === undefined ? null : models.getRecord(model.project, model.name, version)
    },
    move: async (model, { kind, target, version, by }) => {
      const { project, name } = model
      if (kind === 'alias') await models.setAlias({ project, name, alias: target, version, by })
      else
        await models.transitionStage({
          ...{ project, name, version, stage: target, by },
          archiveOthers: target === 'Production' || target === 'Staging',
        })
    },
  })
  const models: RegisteredModels = createRegisteredModels({
    store,
    reader,
    tracking,
    changed,
    deferMove: deps.deferMove ?? (async () => null),
    pinFeatureService: deps.pinFeatureService ?? ((_project, service) => service),
    guard: governance,
    clock,
    seal: (files) => seal({ blobs, folder }, files),
  })

  tracking.keepFor(registryKeeper(database, folder))

  return {
    name: 'registry',
    changed,
    routes(app) {
      bindMlflowRoutes(app, [
        ...modelRoutes({ models, store, reader, search: (query) => searchModels(database, query) }),
        ...versionRoutes({
          models,
          store,
          reader,
          search: (query) => searchVersions(database, query),
        }),
        ...webhookRoutes({ webhooks, store: webhookStore }),
      ])
      addDeliveryRoutes(app, { webhooks, store: webhookStore })
      addGovernanceRoutes(app, { models, store, governance, clock })
      addNativeRoutes(app, {
        models,
        store,
        reader,
        tracking,
        search: (query) => searchModels(database, query),
      })
      addRegistryImportRoutes(app, { models, store, tracking })
      addUploadRoutes(app, { models, tracking })
    },
    resolve: (project, reference) => models.resolve(project, reference),
    async findVersions(project, by) {
      return reader.versions(await store.findVersions(project, by), { withFiles: false })
    },
    async get(project, name, version) {
      try {
        return await models.getRecord(project, name, version)
      } catch (error) {
        if (error instanceof MlflowError && error.code === 'RESOURCE_DOES_NOT_EXIST') return null
        throw error
      }
    },
    describe: (version) => describeVersion(tracking, version),
    async measure(version) {
      if (version.onnx === null || version.onnxFile === null)
        return { latency: null, reason: 'it is no ONNX model' }
      const example = await readInputExample(blobs, version.files)
      return measureLatency({
        path: await folder.localFile(version.files, version.onnxFile),
        onnx: version.onnx,
        example: example === null ? null : feedsFromExample(example, version.onnx.inputs),
      })
    },
    localFile: (version, path) => folder.localFile(version.files, path),
    setAlias: async (move) => void (await inOwnWords(() => models.setAlias(move))),
    transitionStage: async (move) => void (await inOwnWords(() => models.transitionStage(move))),
    versionsIn: (project, name, stage) =>
      inOwnWords(async () => store.versionsIn(await models.getModel(project, name), stage)),
    async start() {},
    async stop() {},
  }
}
