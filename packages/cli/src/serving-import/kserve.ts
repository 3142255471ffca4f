import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { z } from 'zod'
import { safeName, type PlannedEndpoint, type PlannedSource, type ServingPlan } from './plan.ts'
import { isFile } from './triton.ts'

const storage = z.object({
  modelFormat: z.object({ name: z.string() }).optional(),
  storageUri: z.string().optional(),
  protocolVersion: z.string().optional(),
})
const FRAMEWORKS = [
  'onnx',
  'sklearn',
  'xgboost',
  'lightgbm',
  'triton',
  'pytorch',
  'tensorflow',
  'mlflow',
  'huggingface',
  'pmml',
  'paddle',
] as const

const inferenceService = z.object({
  apiVersion: z.string().startsWith('serving.kserve.io/'),
  kind: z.literal('InferenceService'),
  metadata: z.object({ name: z.string(), namespace: z.string().default('default') }),
  spec: z.object({
    predictor: z
      .object({
        model: storage.optional(),
        ...Object.fromEntries(FRAMEWORKS.map((name) => [name, storage.optional()])),
        batcher: z
          .object({ maxBatchSize: z.int().optional(), maxLatency: z.number().optional() })
          .optional(),
        logger: z
          .object({
            url: z.string().optional(),
            mode: z.enum(['all', 'request', 'response']).optional(),
          })
          .optional(),
      })
      .catchall(z.unknown()),
    transformer: z.unknown().optional(),
    explainer: z.unknown().optional(),
  }),
  status: z.object({ url: z.string().optional() }).optional(),
})
type Service = z.output<typeof inferenceService>

/**
 * `InferenceService`s of KServe. An ONNX file or an MLflow model that lies on this machine is registered; every other model stays where KServe serves it,
 * behind an endpoint. `storageRoot` is where `pvc://` and `file://` of the cluster are mounted here.
 * https://kserve.github.io/website/docs/reference/crd-api
 */
export async function planKserve(
  file: string,
  { storageRoot, remoteUrl }: { storageRoot: string; remoteUrl: string | null }
): Promise<ServingPlan> {
  const plan: ServingPlan = { endpoints: [], notes: [] }
  for (const document of parseAllDocuments(await readFile(file, 'utf8'))) {
    const [fault] = document.errors
    if (fault !== undefined) throw new Error(`${file}: ${fault.message}`)
    const said = document.toJS() as { kind?: unknown; items?: unknown[] } | null
    for (const item of said?.kind === 'List' ? (said.items ?? []) : [said]) {
      if (item === null) continue
      const parsed = inferenceService.safeParse(item)
      if (parsed.success)
        plan.endpoints.push(
          await planService(parsed.data, { storageRoot, remoteUrl, notes: plan.notes })
        )
      else if ((item as { kind?: unknown }).kind === 'InferenceService')
        throw new Error(`${file}: ${z.prettifyError(parsed.error)}`)
      else
        plan.notes.push(
          `${String((item as { kind?: unknown }).kind)}: only InferenceServices are read`
        )
    }
  }
  return plan
}

/** What has no counterpart, and what stands in for it. */
const LEFT: Readonly<Record<string, string>> = {
  canaryTrafficPercent: 'the revision before it is not in the file; start a rollout',
  minReplicas: 'replicas are the deployment’s',
  maxReplicas: 'replicas are the deployment’s',
  scaleTarget: 'replicas are the deployment’s',
  containerConcurrency: 'a full queue refuses',
  timeout: 'a caller sets its own deadline, 30 s at most',
  containers: 'a container of its own stays where it is',
}

async function planService(
  service: Service,
  own: { storageRoot: string; remoteUrl: string | null; notes: string[] }
): Promise<PlannedEndpoint> {
  const { name } = service.metadata
  const { predictor, transformer, explainer } = service.spec
  const note = (text: string): void => void own.notes.push(`${name}: ${text}`)
  for (const [field, why] of Object.entries(LEFT))
    if (field in predictor) note(`${field} is not carried over: ${why}`)
  if (transformer !== undefined)
    note('its transformer is not carried over: make it a script before the model, in a graph')
  if (explainer !== undefined)
    note('its explainer is not carried over: every tabular model answers :explain here')
  const found = modelOf(predictor)
  const local = found === null ? null : await localSource(found, own.storageRoot)
  if (found?.storageUri !== undefined && local === null)
    note(
      `${found.format} at ${found.storageUri} stays where it is served; to run it here, register its ONNX file or MLflow folder`
    )
  const source = local ?? remoteSource(service, found?.isV2 === true, own.remoteUrl)
  const { batcher, logger } = predictor
  if (batcher?.maxLatency !== undefined)
    note(
      'batcher.maxLatency is not carried over: a batch is what has queued while the model was busy, and nobody waits for company'
    )
  const most = batcher?.maxBatchSize
  if (logger !== undefined && logger.url === undefined)
    note('its logger has no url, and the default broker is the cluster’s: it is not carried over')
  return {
    name: safeName(name),
    variants: [
      {
        variant: source.kind === 'remote' ? 'kserve' : 'v1',
        source,
        batching: source.kind === 'remote' || most === undefined ? null : { maxRows: most },
      },
    ],
    logger: logger?.url === undefined ? null : { url: logger.url, mode: logger.mode ?? 'all' },
  }
}

type Found = Readonly<{ format: string; storageUri: string | undefined; isV2: boolean }>

/** `model` with its format, or a framework by its own name as the first versions of KServe had it. */
function modelOf(predictor: Service['spec']['predictor']): Found | null {
  const found = (format: string, said: z.output<typeof storage>): Found => ({
    format,
    storageUri: said.storageUri,
    isV2: said.protocolVersion === 'v2' || format === 'triton' || format === 'onnx',
  })
  if (predictor.model !== undefined)
    return found(predictor.model.modelFormat?.name ?? 'model', predictor.model)
  for (const name of FRAMEWORKS) {
    const said = storage.safeParse(predictor[name])
    if (predictor[name] !== undefined && said.success) return found(name, said.data)
  }
  return null
}

async function localSource(
  { storageUri }: Found,
  storageRoot: string
): Promise<PlannedSource | null> {
  const mounted = /^(?:file:\/\/|pvc:\/\/[^/]+)(\/.*)$/.exec(storageUri ?? '')?.[1]
  if (mounted === undefined) return null
  const path = join(storageRoot, mounted)
  if (await isFile(join(path, 'MLmodel'))) return { kind: 'mlflow', folder: path }
  if (path.endsWith('.onnx') && (await isFile(path))) return { kind: 'onnx', file: path }
  const isFolder = await stat(path).then(
    (entry) => entry.isDirectory(),
    () => false
  )
  const files = isFolder ? (await readdir(path)).filter((entry) => entry.endsWith('.onnx')) : []
  const [only] = files
  return files.length === 1 && only !== undefined ? { kind: 'onnx', file: join(path, only) } : null
}

function remoteSource(service: Service, isV2: boolean, remoteUrl: string | null): PlannedSource {
  const { name, namespace } = service.metadata
  const url =
    remoteUrl ?? service.status?.url ?? `http://${name}-predictor.${namespace}.svc.cluster.local`
  return {
    kind: 'remote',
    remote: { url, model: name, protocol: isV2 ? 'oip' : 'kserve-v1' },
  }
}
