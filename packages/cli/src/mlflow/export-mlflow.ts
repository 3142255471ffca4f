import { compareCounts, zero, type CountRow } from './counts.ts'
import { proxiedFiles, quote } from './proxied-files.ts'
import { MlflowRefusal, type Rest } from './rest.ts'
import type {
  MlflowSource,
  Pair,
  SourceLoggedModel,
  SourceMetric,
  SourceModel,
  SourceRun,
  SourceVersion,
} from './source.ts'

const FROM_TAG = 'trestle.exportedFrom'
/** Set last: a run that has it is whole. */
const WHOLE_TAG = 'trestle.exportedWhole'
const OWN_TAGS = new Set([FROM_TAG, WHOLE_TAG, 'mlflow.runName', 'trestle.importedFrom'])
/** Of one call (mlflow/utils/validation.py). */
const METRICS_AT_ONCE = 1_000
const PAIRS_AT_ONCE = 100

type TargetRun = {
  info: { run_id: string; artifact_uri: string }
  data?: { metrics?: unknown[]; params?: unknown[]; tags?: Pair[] }
  inputs?: { dataset_inputs?: unknown[] }
}
type TargetModel = { info: { model_id: string; artifact_uri: string; tags?: Pair[] } }

/**
 * Writes what a source has to an MLflow server by its REST. MLflow gives runs and logged models new ids; the old one stays as the tag
 * `trestle.exportedFrom`, which is also how a second export finds what is there. Version numbers are kept: a gap is filled and emptied again.
 */
export async function exportMlflow(
  source: MlflowSource,
  target: Rest,
  options: { withArtifacts: boolean; onProgress: (text: string) => void }
): Promise<readonly CountRow[]> {
  const there = zero()
  const here = zero()
  const places: { from: string; to: string }[] = []
  const runIds = new Map<string, string>()
  const modelIds = new Map<string, string>()

  async function copyFiles(uri: string, to: string): Promise<void> {
    if (!options.withArtifacts) return
    if (!to.startsWith('mlflow-artifacts:'))
      throw new Error(
        `${target.label} does not take artifacts over HTTP: start it with --serve-artifacts, or say --no-artifacts`
      )
    const path = to.replace(/^mlflow-artifacts:\/*/, '')
    for await (const file of source.files(uri)) {
      there.files += 1
      there.bytes += file.size
      const body = await file.open()
      const response = await fetch(
        `${target.server.url.replace(/\/+$/, '')}/api/2.0/mlflow-artifacts/artifacts/${quote(`${path}/${file.path}`)}`,
        { method: 'PUT', headers: target.server.headers, body, ...HALF }
      )
      if (!response.ok) throw new Error(`${file.path}: ${target.label} answered ${response.status}`)
    }
    for await (const file of proxiedFiles(target.server, path)) {
      here.files += 1
      here.bytes += file.size
    }
  }

  async function experimentId(name: string): Promise<string> {
    try {
      const { experiment } = await target.get<{ experiment: { experiment_id: string } }>(
        'experiments/get-by-name',
        { experiment_name: name }
      )
      return experiment.experiment_id
    } catch (error) {
      if (!(error instanceof MlflowRefusal) || error.code !== 'RESOURCE_DOES_NOT_EXIST') throw error
      return (await target.post<{ experiment_id: string }>('experiments/create', { name }))
        .experiment_id
    }
  }

  /** Runs that an export has made before, by where they came from. */
  async function exported(experiment: string): Promise<Map<string, TargetRun>> {
    const runs = target.pages<TargetRun>(async (pageToken) => {
      const answer = await target.post<{ runs?: TargetRun[]; next_page_token?: string }>(
        'runs/search',
        {
          experiment_ids: [experiment],
          run_view_type: 'ALL',
          filter: `tags.\`${FROM_TAG}\` LIKE '%'`,
          max_results: 1000,
          ...(pageToken === undefined ? {} : { page_token: pageToken }),
        }
      )
      return { items: answer.runs ?? [], next: answer.next_page_token }
    })
    const found = new Map<string, TargetRun>()
    for await (const run of runs) found.set(tagOf(run.data?.tags, FROM_TAG) ?? '', run)
    return found
  }

  async function copyRun(run: SourceRun, at: { experiment: string; known: TargetRun | undefined }) {
    there.runs += 1
    there.params += run.params.length
    const tags = run.tags.filter((tag) => !OWN_TAGS.has(tag.key))
    there.tags += tags.length
    there.datasets += run.datasets.length
    const isWhole = tagOf(at.known?.data?.tags, WHOLE_TAG) !== null
    const made =
      at.known ??
      (
        await target.post<{ run: TargetRun }>('runs/create', {
          experiment_id: at.experiment,
          user_id: run.userId,
          run_name: run.name,
          start_time: run.startTime,
          tags: [{ key: FROM_TAG, value: run.runId }],
        })
      ).run
    const id = made.info.run_id
    runIds.set(run.runId, id)
    places.push({ from: run.artifactUri, to: made.info.artifact_uri })
    if (!isWhole) await fillRun(run, { id, artifactUri: made.info.artifact_uri, tags })
    else {
      const values = await source.countMetrics(run)
      there.metrics += values
    }
    await countRun(id)
    if (!isWhole && run.lifecycleStage === 'deleted')
      await target.post('runs/delete', { run_id: id })
  }

  async function fillRun(
    run: SourceRun,
    to: { id: string; artifactUri: string; tags: readonly Pair[] }
  ): Promise<void> {
    const log = (batch: object) => target.post('runs/log-batch', { run_id: to.id, ...batch })
    for (const params of slices(run.params, PAIRS_AT_ONCE)) await log({ params })
    for (const tags of slices(to.tags, PAIRS_AT_ONCE)) await log({ tags })
    for await (const points of source.metrics(run)) {
      there.metrics += points.length
      for (const metrics of slices(points, METRICS_AT_ONCE))
        await log({ metrics: metrics.map(toWire) })
    }
    if (run.datasets.length > 0)
      await target.post('runs/log-inputs', {
        run_id: to.id,
        datasets: run.datasets.map(({ tags, sourceType, schema, profile, ...dataset }) => ({
          tags,
          dataset: {
            ...dataset,
            source_type: sourceType,
            ...(schema === null ? {} : { schema }),
            ...(profile === null ? {} : { profile }),
          },
        })),
      })
    await copyFiles(run.artifactUri, to.artifactUri)
    await target.post('runs/update', {
      run_id: to.id,
      status: run.status,
      ...(run.endTime === null ? {} : { end_time: run.endTime }),
    })
    await log({ tags: [{ key: WHOLE_TAG, value: 'true' }] })
  }

  /** What the target says that it has. */
  async function countRun(id: string): Promise<void> {
    const { run } = await target.get<{
      run: TargetRun & { data?: { metrics?: { key: string }[] } }
    }>('runs/get', { run_id: id })
    here.runs += 1
    here.params += run.data?.params?.length ?? 0
    here.tags += (run.data?.tags ?? []).filter((tag) => !OWN_TAGS.has(tag.key)).length
    here.datasets += run.inputs?.dataset_inputs?.length ?? 0
    for (const { key } of (run.data?.metrics ?? []) as { key: string }[]) {
      let token = ''
      do {
        const page: { metrics?: unknown[]; next_page_token?: string } = await target.get(
          'metrics/get-history',
          {
            run_id: id,
            metric_key: key,
            max_results: '25000',
            ...(token === '' ? {} : { page_token: token }),
          }
        )
        here.metrics += page.metrics?.length ?? 0
        token = page.next_page_token ?? ''
      } while (token !== '')
    }
  }

  async function copyLoggedModel(
    model: SourceLoggedModel,
    at: { experiment: string; known: TargetModel | undefined }
  ): Promise<void> {
    there.loggedModels += 1
    const runId = model.sourceRunId === null ? undefined : runIds.get(model.sourceRunId)
    const made =
      at.known ??
      (
        await target.post<{ model: TargetModel }>('logged-models', {
          experiment_id: at.experiment,
          name: model.name,
          model_type: model.modelType,
          ...(runId === undefined ? {} : { source_run_id: runId }),
          params: model.params,
          tags: [
            ...model.tags.filter((tag) => tag.key !== 'mlflow.modelVersions'),
            { key: FROM_TAG, value: model.modelId },
          ],
        })
      ).model
    const { model_id: id, artifact_uri: uri } = made.info
    modelIds.set(model.modelId, id)
    here.loggedModels += 1
    await copyFiles(model.artifactUri, uri)
    if (at.known !== undefined) return
    await target.send('PATCH', `logged-models/${id}`, {
      model_id: id,
      status: model.status === 'LOGGED_MODEL_UPLOAD_FAILED' ? model.status : 'LOGGED_MODEL_READY',
    })
    if (runId !== undefined)
      await target.post('runs/outputs', { run_id: runId, models: [{ model_id: id, step: 0 }] })
  }

  async function exportedModels(experiment: string): Promise<Map<string, TargetModel>> {
    const models = target.pages<TargetModel>(async (pageToken) => {
      const answer = await target.post<{ models?: TargetModel[]; next_page_token?: string }>(
        'logged-models/search',
        {
          experiment_ids: [experiment],
          max_results: 50,
          ...(pageToken === undefined ? {} : { page_token: pageToken }),
        }
      )
      return { items: answer.models ?? [], next: answer.next_page_token }
    })
    const found = new Map<string, TargetModel>()
    for await (const model of models) found.set(tagOf(model.info.tags, FROM_TAG) ?? '', model)
    return found
  }

  async function sourceOf(name: string, version: SourceVersion): Promise<string> {
    const logged = version.modelId === null ? undefined : modelIds.get(version.modelId)
    if (logged !== undefined) return `models:/${logged}`
    const run = /^runs:\/+([^/]+)(.*)$/.exec(version.source)
    if (run !== null) return `runs:/${runIds.get(run[1] ?? '') ?? run[1] ?? ''}${run[2] ?? ''}`
    const place = places.find((p) => version.source.startsWith(`${p.from}/`))
    if (place !== undefined) return place.to + version.source.slice(place.from.length)
    if (!version.source.startsWith('mlflow-artifacts:')) return version.source
    const to = `mlflow-artifacts:/exported/${name}/${version.version}`
    await copyFiles(version.source, to)
    return to
  }

  async function copyVersions(model: SourceModel): Promise<void> {
    const { name } = model
    for (const version of model.versions) {
      there.versions += 1
      if (await hasVersion(target, name, version.version)) {
        here.versions += 1
        continue
      }
      const runId = version.runId === null ? undefined : runIds.get(version.runId)
      const logged = version.modelId === null ? undefined : modelIds.get(version.modelId)
      const create = async (): Promise<number> => {
        const { model_version: made } = await target.post<{
          model_version: { version: string | number }
        }>('model-versions/create', {
          name,
          source: await sourceOf(name, version),
          ...(runId === undefined ? {} : { run_id: runId }),
          ...(logged === undefined ? {} : { model_id: logged }),
          description: version.description,
          tags: version.tags,
        })
        return Number(made.version)
      }
      let number = await create()
      while (number < version.version) {
        await target.send('DELETE', 'model-versions/delete', { name, version: String(number) })
        number = await create()
      }
      here.versions += number === version.version ? 1 : 0
      if (version.stage !== 'None')
        await target.post('model-versions/transition-stage', {
          name,
          version: String(number),
          stage: version.stage,
          archive_existing_versions: false,
        })
    }
  }

  async function copyModel(model: SourceModel): Promise<void> {
    const { name, description, tags, aliases } = model
    there.models += 1
    await target
      .post('registered-models/create', {
        name,
        tags,
        ...(description === null ? {} : { description }),
      })
      .catch((error: unknown) => {
        if (!(error instanceof MlflowRefusal) || error.code !== 'RESOURCE_ALREADY_EXISTS')
          throw error
      })
    here.models += 1
    await copyVersions(model)
    for (const { alias, version } of aliases)
      await target.post('registered-models/alias', { name, alias, version: String(version) })
    options.onProgress(`${there.models} registered models, ${there.versions} versions`)
  }

  for (const experiment of await source.experiments()) {
    if (experiment.lifecycleStage === 'deleted') continue
    const id = await experimentId(experiment.name)
    there.experiments += 1
    here.experiments += 1
    for (const { key, value } of experiment.tags)
      await target.post('experiments/set-experiment-tag', { experiment_id: id, key, value })
    const known = await exported(id)
    for await (const run of source.runs(experiment.id)) {
      await copyRun(run, { experiment: id, known: known.get(run.runId) })
      options.onProgress(`${experiment.name}: ${there.runs} runs, ${there.metrics} metric values`)
    }
    const knownModels = await exportedModels(id)
    for await (const model of source.loggedModels(experiment.id))
      await copyLoggedModel(model, { experiment: id, known: knownModels.get(model.modelId) })
  }
  for await (const model of source.models()) await copyModel(model)
  return compareCounts(there, here)
}

/** fetch wants to be told that a stream is sent whole first; the DOM's types do not know it. */
const HALF: object = { duplex: 'half' }

const tagOf = (tags: readonly Pair[] | undefined, key: string): string | null =>
  tags?.find((tag) => tag.key === key)?.value ?? null

const toWire = (metric: SourceMetric): object => ({
  ...metric,
  value: Number.isNaN(metric.value) ? 'NaN' : metric.value,
})

function* slices<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size)
}

async function hasVersion(target: Rest, name: string, version: number): Promise<boolean> {
  try {
    await target.get('model-versions/get', { name, version: String(version) })
    return true
  } catch (error) {
    if (error instanceof MlflowRefusal && error.code === 'RESOURCE_DOES_NOT_EXIST') return false
    throw error
  }
}
