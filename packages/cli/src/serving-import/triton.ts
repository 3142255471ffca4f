import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf, numberOf, parsePbtxt, textOf, type TextMessage } from './pbtxt.ts'
import { safeName, type PlannedEndpoint, type PlannedVariant, type ServingPlan } from './plan.ts'

/**
 * A model repository of Triton: a folder per model, with `config.pbtxt` and a folder per version. ONNX models are registered; every other backend's stay
 * on their Triton and are put behind an endpoint when its address is given.
 * https://github.com/triton-inference-server/server/blob/main/docs/user_guide/model_repository.md
 */
export async function planTriton(root: string, remoteUrl: string | null): Promise<ServingPlan> {
  const plan: ServingPlan = { endpoints: [], notes: [] }
  for (const folder of await foldersIn(root)) {
    const endpoint = await planModel(join(root, folder), { folder, remoteUrl, notes: plan.notes })
    if (endpoint !== null) plan.endpoints.push(endpoint)
  }
  return plan
}

async function planModel(
  path: string,
  own: { folder: string; remoteUrl: string | null; notes: string[] }
): Promise<PlannedEndpoint | null> {
  const { folder, remoteUrl } = own
  const note = (text: string): void => void own.notes.push(`${folder}: ${text}`)
  const config = await readConfig(join(path, 'config.pbtxt'), note)
  const name = textOf(config, 'name') ?? folder
  const backend = backendOf(config)
  const file = textOf(config, 'default_model_filename') ?? 'model.onnx'
  const versions = chooseVersions(config, await foldersIn(path), note)
  const batching = batchingOf(config, note)
  for (const [field, why] of Object.entries(LEFT))
    if (config.has(field)) note(`${field} is not carried over: ${why}`)

  const variants: PlannedVariant[] = []
  for (const version of versions) {
    const model = join(path, version, file)
    const hasFile = await isFile(model)
    const isOnnx =
      backend === 'onnxruntime' || (backend === '' && hasFile && file.endsWith('.onnx'))
    if (isOnnx && hasFile) {
      const others = (await readdir(join(path, version))).filter((entry) => entry !== file)
      if (others.length > 0)
        note(
          `version ${version}: ${others.join(', ')} beside ${file}; log a model of several files through MLflow`
        )
      variants.push({ variant: `v${version}`, source: { kind: 'onnx', file: model }, batching })
    } else if (isOnnx) note(`version ${version} has no ${file}`)
  }
  if (variants.length > 0) return { name: safeName(name), variants, logger: null }
  if (remoteUrl === null) {
    note(
      `the backend ${backend === '' ? '(none named)' : `"${backend}"`} does not run here; with --remote it stays on its Triton, behind an endpoint`
    )
    return null
  }
  const remote = { url: remoteUrl, model: name }
  return {
    name: safeName(name),
    variants: [{ variant: 'triton', source: { kind: 'remote', remote }, batching: null }],
    logger: null,
  }
}

/** What has no counterpart, and what stands in for it. */
const LEFT: Readonly<Record<string, string>> = {
  instance_group: 'a model here has one instance, and a heavy one a thread of its own',
  ensemble_scheduling: 'make it a graph of endpoints',
  sequence_batching: 'requests of a sequence keep no state here',
  optimization: 'ONNX Runtime for the CPU runs with its own settings',
  model_warmup: 'every model is warmed up before it gets traffic',
  response_cache: 'set "cache" on the variant',
  parameters: 'nothing here reads them',
}

async function readConfig(path: string, note: (text: string) => void): Promise<TextMessage> {
  if (!(await isFile(path))) {
    note('there is no config.pbtxt; what the model file says is taken')
    return new Map()
  }
  try {
    return parsePbtxt(await readFile(path, 'utf8'))
  } catch (error) {
    throw new Error(`${path}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
}

function backendOf(config: TextMessage): string {
  const backend = textOf(config, 'backend')
  if (backend !== undefined) return backend
  const platform = textOf(config, 'platform') ?? ''
  return platform === 'onnxruntime_onnx' ? 'onnxruntime' : platform
}

/** As `version_policy` says; the latest one when it says nothing. Oldest first. */
function chooseVersions(
  config: TextMessage,
  folders: readonly string[],
  note: (text: string) => void
): string[] {
  const all = folders
    .filter((folder) => /^[1-9]\d*$/.test(folder))
    .toSorted((a, b) => Number(a) - Number(b))
  if (all.length === 0) note('it has no version folder')
  const policy = messageOf(config, 'version_policy')
  if (policy === undefined) return all.slice(-1)
  if (policy.has('all')) return all
  const specific = messageOf(policy, 'specific')
  if (specific !== undefined) {
    const wanted = (specific.get('versions') ?? []).map(String)
    return all.filter((version) => wanted.includes(version))
  }
  const latest = messageOf(policy, 'latest')
  return all.slice(-((latest === undefined ? undefined : numberOf(latest, 'num_versions')) ?? 1))
}

function batchingOf(config: TextMessage, note: (text: string) => void): PlannedVariant['batching'] {
  const most = numberOf(config, 'max_batch_size')
  const dynamic = messageOf(config, 'dynamic_batching')
  const policy = dynamic === undefined ? undefined : messageOf(dynamic, 'default_queue_policy')
  const queued = policy === undefined ? undefined : numberOf(policy, 'max_queue_size')
  for (const field of ['max_queue_delay_microseconds', 'preferred_batch_size'])
    if (dynamic?.has(field) === true)
      note(
        `${field} is not carried over: a batch is what has queued while the model was busy, and nobody waits for company`
      )
  if (policy?.has('default_timeout_microseconds') === true)
    note('default_timeout_microseconds is not carried over: a caller sets its own deadline')
  if (most === undefined) return null
  // Without a dynamic batcher Triton runs each request by itself.
  const maxRows = dynamic === undefined || most === 0 ? 1 : most
  return { maxRows, ...(queued === undefined || queued === 0 ? {} : { maxQueued: queued }) }
}

export async function foldersIn(root: string): Promise<string[]> {
  const entries = await readdir(root, { withFileTypes: true })
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .toSorted()
}

export const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false
  )
