/**
 * Experiment tracking in MLflow's words and on MLflow's wire: experiments, runs, metrics, artifacts, datasets, logged models, traces.
 * Owns the names and history of training; bytes lie in the blob store. Registered models belong to the registry.
 * An acknowledged write is on disk. A param never changes; a metric's latest value is the one of the greatest step, time and value.
 */
import { GRACE_MS } from '@trestle/contract'
import type { FastifyInstance } from 'fastify'
import type { Clock } from '../../kernel/clock.ts'
import type { BlobStore, Digest } from '../../platform/blobs/index.ts'
import type { Component } from '../../platform/component.ts'
import type { Database } from '../../platform/database/index.ts'
import type { Scheduler } from '../../platform/jobs/scheduler.ts'
import { createTopic, type Topic } from '../../platform/events/topic.ts'
import { addArtifactProxy, artifactListRoute } from './artifacts/artifact-routes.ts'
import { createArtifactStore } from './artifacts/artifact-store.ts'
import { createArtifacts } from './artifacts/artifacts.ts'
import { createArtifactUris } from './artifacts/artifact-uris.ts'
import { addMultipartRoutes } from './artifacts/multipart-routes.ts'
import { createMultipartUploads } from './artifacts/multipart-uploads.ts'
import { evaluationDatasetRoutes } from './evaluation/dataset-routes.ts'
import { createDatasetStore } from './evaluation/dataset-store.ts'
import { scorerRoutes } from './evaluation/scorer-routes.ts'
import { experimentRoutes } from './experiments/experiment-routes.ts'
import { createExperimentStore } from './experiments/experiment-store.ts'
import { createExperiments } from './experiments/experiments.ts'
import { addGarbageRoutes } from './garbage/garbage-routes.ts'
import { createGarbage } from './garbage/garbage.ts'
import type { Keeper } from './garbage/keeper.ts'
import { createPurge } from './garbage/purge.ts'
import { trackingKeeper } from './garbage/tracking-keeper.ts'
import { createCountStore } from './import/count-store.ts'
import { addImportRoutes } from './import/import-routes.ts'
import { createImporter } from './import/importer.ts'
import type { LoggedModelRecord } from './logged-models/logged-model-records.ts'
import { loggedModelRoutes } from './logged-models/logged-model-routes.ts'
import { createLoggedModelStore } from './logged-models/logged-model-store.ts'
import { bindMlflowRoutes } from './mlflow/scope.ts'
import { inputRoutes } from './runs/input-routes.ts'
import { createRunLinks, type RunLink } from './runs/run-links-store.ts'
import { createMetricHistory } from './runs/metric-history.ts'
import { metricRoutes } from './runs/metric-routes.ts'
import { createRunInputs } from './runs/run-inputs.ts'
import { createRunReader } from './runs/run-reader.ts'
import type { RunRecord } from './runs/run-records.ts'
import { runRoutes } from './runs/run-routes.ts'
import { searchRuns } from './runs/run-search.ts'
import { createRunStore } from './runs/run-store.ts'
import { createRuns, type RunChange } from './runs/runs.ts'
import { addServerRoutes } from './server-routes.ts'
import { assessmentRoutes } from './traces/assessment-routes.ts'
import { createAssessmentStore } from './traces/assessment-store.ts'
import { createAssessments } from './traces/assessments.ts'
import { addOtlpRoute } from './traces/otlp-route.ts'
import { traceRoutes } from './traces/trace-routes.ts'
import { countTraces, searchTraces } from './traces/trace-search.ts'
import { createTraceStore } from './traces/trace-store.ts'
import { createTraces } from './traces/traces.ts'
import { workspaceRoutes } from './workspaces/workspace-routes.ts'

export type { LoggedModelRecord } from './logged-models/logged-model-records.ts'
export type { DatasetRecord, KeyValue, RunRecord } from './runs/run-records.ts'
export { COMMIT_TAG, type RunLink } from './runs/run-links-store.ts'
export type { RunChange } from './runs/runs.ts'
export { trackingMigrations } from './migrations/index.ts'
export { compare, compareKeyValue } from './mlflow/conditions.ts'
export { done } from './mlflow/done.ts'
export { parseFilter, type Clause } from './mlflow/filter.ts'
export { MODEL_VERSIONS, REGISTERED_MODELS } from './mlflow/grammar.ts'
export {
  afterCursor,
  allOf,
  cursorOf,
  orderClause,
  sortColumns,
  type SortTerm,
} from './mlflow/keyset.ts'
export { checkMaxResults, MAX } from './mlflow/limits.ts'
export { doesNotExist, invalidParameter, MlflowError } from './mlflow/mlflow-error.ts'
export { parseOrderBy, type OrderBy } from './mlflow/order-by.ts'
export { decodePageToken, encodePageToken, type Cursor } from './mlflow/page-token.ts'
export { bindMlflowRoutes, mlflowRoute, type MlflowRoute } from './mlflow/scope.ts'
export type { Keeper } from './garbage/keeper.ts'
export { acceptAnyBody, bodyOf } from './artifacts/artifact-routes.ts'

/** A file under an artifact URI, with its path relative to that URI. */
export type ArtifactFile = Readonly<{ path: string; digest: Digest; size: number }>

export interface Tracking extends Component {
  /** From now on nothing that this keeper uses is collected as garbage. */
  keepFor(keeper: Keeper): void
  /** MLflow's tracking REST at the root of the server. */
  routes(app: FastifyInstance): void
  /** A run with its latest metrics, params, tags, datasets and models; null when there is none, or it is another project's. */
  getRun(project: string, runId: string): Promise<RunRecord | null>
  /** Null when there is no such experiment. */
  experimentName(project: string, experimentId: string): Promise<string | null>
  /** Active runs of a commit or that read a dataset, newest first. */
  findRuns(project: string, link: RunLink, limit: number): Promise<readonly RunRecord[]>
  /** Told when a run was made or its status changed, once that is on disk. */
  readonly runChanged: Topic<RunChange>
  getLoggedModel(project: string, modelId: string): Promise<LoggedModelRecord | null>
  /** The artifact URI that `runs:/…` or `models:/m-…` stands for; any other URI is returned as it is. */
  resolveUri(project: string, uri: string): Promise<string>
  /** Files under `mlflow-artifacts:/…`, `runs:/…` or `models:/m-…`; empty for a URI of another store. */
  listFiles(project: string, artifactUri: string): Promise<readonly ArtifactFile[]>
  /** Puts a file into the artifact store, streamed, and returns its digest and size. */
  writeFile(project: string, path: string, bytes: AsyncIterable<Uint8Array>): Promise<ArtifactFile>
  /** Notes on a logged model that it became a version of a registered model, where MLflow's pages look for it. */
  noteRegistration(
    project: string,
    modelId: string,
    version: { name: string; version: number }
  ): Promise<void>
  /** Logs metrics to a run; without one, to a finished run made for them. Returns the run, or null when there was nothing to log. */
  recordMetrics(given: {
    project: string
    runId: string | null
    name: string
    userId: string
    metrics: Readonly<Record<string, number>>
  }): Promise<string | null>
}

export function createTracking(deps: {
  database: Database
  blobs: BlobStore
  clock: Clock
  scheduler: Scheduler
  onListenerError?: (error: unknown, topic: string) => void
}): Tracking {
  const { database, blobs, clock } = deps
  const experimentStore = createExperimentStore(database)
  const experiments = createExperiments({ store: experimentStore, clock })
  const runStore = createRunStore(database)
  const runChanged = createTopic<RunChange>(
    'run.changed',
    deps.onListenerError ?? (() => undefined)
  )
  const runs = createRuns({ store: runStore, experiments, clock, changed: runChanged })
  const reader = createRunReader(database)
  const links = createRunLinks(database)
  const artifactStore = createArtifactStore(database)
  const artifacts = createArtifacts({ store: artifactStore, blobs, clock })
  const garbage = createGarbage({
    purge: createPurge({ database, artifacts: artifactStore }),
    blobs,
    clock,
  })
  garbage.add(trackingKeeper(database))
  const models = createLoggedModelStore(database)
  const uris = createArtifactUris({ runs: runStore, reader, models, artifacts })
  const uploads = createMultipartUploads({ database, blobs, artifacts, clock })
  const traceStore = createTraceStore(database)
  const traces = createTraces({ store: traceStore, experiments, runs })
  const assessments = createAssessments({ store: createAssessmentStore(database), clock })

  return {
    name: 'tracking',
    runChanged,
    keepFor: (keeper) => garbage.add(keeper),
    routes(app) {
      addServerRoutes(app)
      bindMlflowRoutes(app, [
        ...experimentRoutes({ experiments, store: experimentStore }),
        ...runRoutes({ runs, reader, experiments, search: (query) => searchRuns(database, query) }),
        ...metricRoutes({ runs, history: createMetricHistory(database) }),
        ...inputRoutes({ runs, inputs: createRunInputs(database) }),
        ...loggedModelRoutes({ store: models, experiments, artifacts, clock }),
        artifactListRoute({ artifacts, runs }),
        ...traceRoutes({
          traces,
          store: traceStore,
          assessments,
          search: (query) => searchTraces(database, query),
          count: (query) => countTraces(database, query),
        }),
        ...assessmentRoutes({ traces, assessments }),
        ...evaluationDatasetRoutes({ store: createDatasetStore(database), experiments, clock }),
        ...scorerRoutes({ database, experiments, clock }),
        ...workspaceRoutes({ database, holdsMore: (project) => garbage.holds(project) }),
      ])
      addArtifactProxy(app, { artifacts, runs })
      addMultipartRoutes(app, uploads)
      addImportRoutes(
        app,
        createImporter({
          experiments,
          experimentStore,
          runs: runStore,
          reader,
          inputs: createRunInputs(database),
          models,
          artifacts,
          counts: createCountStore(database),
        })
      )
      addOtlpRoute(app, { traces })
      addGarbageRoutes(app, { garbage, clock })
    },
    async getRun(project, runId) {
      const row = await runStore.find(project, runId)
      return row === undefined ? null : ((await reader.read([row]))[0] ?? null)
    },
    async experimentName(project, experimentId) {
      const row = /^\d{1,15}$/.test(experimentId)
        ? await experimentStore.find(project, Number(experimentId))
        : undefined
      return row?.name ?? null
    },
    findRuns: async (project, link, limit) => reader.read(await links.find(project, link, limit)),
    async getLoggedModel(project, modelId) {
      const row = await models.find(project, modelId)
      return row === undefined ? null : ((await models.read([row]))[0] ?? null)
    },
    resolveUri: (project, uri) => uris.resolve(project, uri),
    async listFiles(project, artifactUri) {
      return uris.files(project, artifactUri)
    },
    writeFile: (project, path, bytes) => artifacts.write(project, path, bytes),
    async noteRegistration(project, modelId, version) {
      const row = await models.find(project, modelId)
      const [record] = row === undefined ? [] : await models.read([row])
      if (record === undefined) return
      const known = record.tags.find((tag) => tag.key === REGISTRATIONS_TAG)?.value
      const list = readList(known)
      const text = JSON.stringify(version)
      if (list.some((item) => JSON.stringify(item) === text)) return
      const value = JSON.stringify([...list, version])
      await models.setTags(modelId, [{ key: REGISTRATIONS_TAG, value }])
    },
    async recordMetrics({ project, runId, name, userId, metrics }) {
      const now = clock.now()
      const points = Object.entries(metrics).map(([key, value]) => ({
        key,
        value,
        timestamp: now,
        step: 0,
        modelId: null,
        datasetName: '',
        datasetDigest: '',
      }))
      if (points.length === 0) return runId
      const made =
        runId === null
          ? await runs.create({
              project,
              experimentId: '0',
              userId,
              name,
              startTime: now,
              tags: [],
            })
          : null
      const id = { project, runId: runId ?? made?.run_id ?? '' }
      await runs.log(id, { metrics: points })
      if (made !== null) await runs.update(id, { status: 'FINISHED', endTime: now })
      return id.runId
    },
    async start() {
      deps.scheduler.every({
        name: 'garbage',
        intervalMs: 24 * 3_600_000,
        work: async () => {
          await garbage.collect({ before: clock.now() - GRACE_MS, isDryRun: false })
        },
      })
    },
    async stop() {},
  }
}

const REGISTRATIONS_TAG = 'mlflow.modelVersions'

/** The tag is the client's to write too: what is no list counts as none. */
function readList(text: string | undefined): unknown[] {
  try {
    const parsed: unknown = JSON.parse(text ?? '[]')
    return Array.isArray(parsed) ? parsed : []
  } catch {
    return []
  }
}
