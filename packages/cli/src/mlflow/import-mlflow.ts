import { TrestleError, type TrestleClient } from '@trestle/sdk'
import { compareCounts, zero, type CountRow } from './counts.ts'
import { inParallel } from './in-parallel.ts'
import { quote } from './proxied-files.ts'
import type {
  MlflowSource,
  SourceExperiment,
  SourceLoggedModel,
  SourceMetric,
  SourceModel,
  SourceRun,
  SourceVersion,
} from './source.ts'

/** Values of metrics sent at once. */
const METRICS_AT_ONCE = 10_000
const COUNTED_AT_ONCE = 500
const RUNS_AT_ONCE = 4

/** Added by naming or importing a run, on either side. */
const OWN_TAGS = new Set(['trestle.importedFrom', 'mlflow.runName'])

/**
 * Brings over all that a tracking server has, under its own ids, and counts both sides. Broken off, it can be started again: what came over whole is
 * passed over, the rest is completed.
 */
export async function importMlflow(
  source: MlflowSource,
  client: TrestleClient,
  options: { withArtifacts: boolean; onProgress: (text: string) => void }
): Promise<readonly CountRow[]> {
  const there = zero()
  const here = zero()
  /** Where the artifacts of a run or logged model lay, and where they lie now. */
  const places: { from: string; to: string }[] = []
  const call = client.importing

  async function copyFiles(uri: string, path: string, isNew: boolean): Promise<void> {
    if (!options.withArtifacts) return
    for await (const file of source.files(uri)) {
      there.files += 1
      there.bytes += file.size
      if (!isNew) continue
      await client.request({
        method: 'PUT',
        path: `/api/2.0/mlflow-artifacts/artifacts/${quote(`${path}/${file.path}`)}`,
        body: await file.open(),
      })
    }
  }

  async function copyMetrics(run: SourceRun): Promise<number> {
    let count = 0
    let waiting: SourceMetric[] = []
    const send = async (): Promise<void> => {
      if (waiting.length === 0) return
      const metrics = waiting.map((m) => ({
        ...m,
        value: Number.isNaN(m.value) ? ('NaN' as const) : finite(m.value),
      }))
      waiting = []
      await call.importMetrics({ runId: run.runId, metrics })
    }
    for await (const points of source.metrics(run))
      for (const point of points) {
        count += 1
        waiting.push(point)
        if (waiting.length === METRICS_AT_ONCE) await send()
      }
    await send()
    return count
  }

  async function copyRun(run: SourceRun, experimentId: string): Promise<void> {
    const { artifactUri, lifecycleStage, metricKeys: _keys, ...rest } = run
    const { isComplete, artifactPath } = await call.importRun({ ...rest, experimentId })
    there.runs += 1
    there.params += run.params.length
    there.tags += run.tags.filter((tag) => !OWN_TAGS.has(tag.key)).length
    there.datasets += run.datasets.length
    const values = isComplete ? await source.countMetrics(run) : await copyMetrics(run)
    there.metrics += values // not `+= await`: runs are copied side by side
    await copyFiles(artifactUri, artifactPath, !isComplete)
    places.push({ from: artifactUri, to: `mlflow-artifacts:/${artifactPath}` })
    if (!isComplete) await call.endRun({ runId: run.runId, from: source.label, lifecycleStage })
  }

  async function copyLoggedModel(
    model: SourceLoggedModel,
    at: { experimentId: string; artifactPath: string }
  ): Promise<void> {
    const { artifactUri, ...rest } = model
    const isNew = !(await isThere(client, `/api/2.0/mlflow/logged-models/${model.modelId}`))
    await copyFiles(artifactUri, `${at.artifactPath}/models/${model.modelId}/artifacts`, isNew)
    await call.importLoggedModel({
      ...rest,
      experimentId: at.experimentId,
      metrics: rest.metrics.map((m) => ({
        ...m,
        value: Number.isNaN(m.value) ? 'NaN' : finite(m.value),
      })),
    })
    there.loggedModels += 1
    places.push({ from: artifactUri, to: `models:/${model.modelId}` })
  }

  async function count(ids: { runIds: string[]; modelIds: string[] }): Promise<void> {
    if (ids.runIds.length + ids.modelIds.length === 0) return
    const found = await call.countRuns(ids)
    for (const [key, value] of Object.entries(found) as [keyof typeof found, number][])
      here[key] += value
    ids.runIds.length = 0
    ids.modelIds.length = 0
  }

  async function copyExperiment(experiment: SourceExperiment): Promise<void> {
    const { lifecycleStage, ...rest } = experiment
    const at = await call.importExperiment(rest)
    there.experiments += 1
    here.experiments += 1
    const counted = { runIds: [] as string[], modelIds: [] as string[] }
    await inParallel(source.runs(experiment.id), RUNS_AT_ONCE, async (run) => {
      await copyRun(run, at.experimentId)
      counted.runIds.push(run.runId)
      options.onProgress(`${experiment.name}: ${there.runs} runs, ${there.metrics} metric values`)
      if (counted.runIds.length >= COUNTED_AT_ONCE) await count(counted)
    })
    for await (const model of source.loggedModels(experiment.id)) {
      await copyLoggedModel(model, at)
      counted.modelIds.push(model.modelId)
      if (counted.modelIds.length >= COUNTED_AT_ONCE) await count(counted)
    }
    await count(counted)
    if (lifecycleStage === 'deleted') await deleteExperiment(client, at.experimentId)
  }

  /** The source of a version as it is called here; a folder of no run is brought over for it. */
  async function sourceOf(model: string, version: SourceVersion): Promise<string> {
    const { source: from } = version
    if (/^(runs|models):/.test(from)) return from
    const place = places.find(
      (p) => p.from !== '' && (from === p.from || from.startsWith(`${p.from}/`))
    )
    if (place !== undefined) return place.to + from.slice(place.from.length)
    if (!/^(file:|\/|mlflow-artifacts:)/.test(from)) return from === '' ? 'unknown' : from
    const path = `imported/${model}/${version.version}`
    await copyFiles(from, path, true)
    return `mlflow-artifacts:/${path}`
  }

  async function copyModel(model: SourceModel): Promise<void> {
    const { name, description, tags, createdAt, updatedAt, aliases, versions } = model
    await call.importModel({ name, description, tags, createdAt, updatedAt })
    there.models += 1
    here.models += 1
    for (const version of versions) {
      there.versions += 1
      await call.importVersion({ ...version, name, source: await sourceOf(name, version) })
      here.versions += 1
    }
    for (const { alias, version } of aliases)
      await client.registry.setAlias({ name, alias, version }).catch((error: unknown) => {
        // A version that can't be read has no alias here; it is kept all the same.
        if (!(error instanceof TrestleError) || error.code !== 'registry.version_not_ready')
          throw error
      })
    options.onProgress(`${there.models} registered models, ${there.versions} versions`)
  }

  for (const experiment of await source.experiments()) await copyExperiment(experiment)
  for await (const model of source.models()) await copyModel(model)
  return compareCounts(there, here)
}

/** JSON has no infinities; MLflow keeps them as the largest doubles. */
const finite = (value: number): number =>
  Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, value))

async function isThere(client: TrestleClient, path: string): Promise<boolean> {
  try {
    await client.request({ method: 'GET', path })
    return true
  } catch (error) {
    if (error instanceof TrestleError && error.status === 404) return false
    throw error
  }
}

async function deleteExperiment(client: TrestleClient, experimentId: string): Promise<void> {
  await client
    .request({
      method: 'POST',
      path: '/api/2.0/mlflow/experiments/delete',
      body: { experiment_id: experimentId },
    })
    .catch((error: unknown) => {
      // It was deleted by an import before this one, or it is the Default that can't be.
      if (!(error instanceof TrestleError) || ![400, 404].includes(error.status)) throw error
    })
}
