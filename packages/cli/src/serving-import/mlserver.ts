import { readFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { z } from 'zod'
import { safeName, type PlannedEndpoint, type PlannedSource, type ServingPlan } from './plan.ts'
import { foldersIn, isFile } from './triton.ts'

const modelSettings = z.object({
  name: z.string().optional(),
  implementation: z.string(),
  max_batch_size: z.int().optional(),
  max_batch_time: z.number().optional(),
  parameters: z
    .object({ uri: z.string().optional(), version: z.string().optional() })
    .catchall(z.unknown())
    .optional(),
})

/**
 * A model repository of MLServer: folders with `model-settings.json`. ONNX files and MLflow models are registered; every other runtime's stay on their
 * MLServer and are put behind an endpoint when its address is given.
 * https://mlserver.readthedocs.io/en/stable/reference/model-settings.html
 */
export async function planMlserver(root: string, remoteUrl: string | null): Promise<ServingPlan> {
  const plan: ServingPlan = { endpoints: [], notes: [] }
  const files = [root, ...(await foldersIn(root)).map((folder) => join(root, folder))].map((path) =>
    join(path, 'model-settings.json')
  )
  for (const file of files) {
    if (!(await isFile(file))) continue
    const endpoint = await planModel(file, { remoteUrl, notes: plan.notes })
    if (endpoint !== null) plan.endpoints.push(endpoint)
  }
  if (plan.endpoints.length === 0 && plan.notes.length === 0)
    plan.notes.push(`there is no model-settings.json in ${root}`)
  return plan
}

async function planModel(
  file: string,
  { remoteUrl, notes }: { remoteUrl: string | null; notes: string[] }
): Promise<PlannedEndpoint | null> {
  const parsed = modelSettings.safeParse(JSON.parse(await readFile(file, 'utf8')))
  if (!parsed.success) throw new Error(`${file}: ${z.prettifyError(parsed.error)}`)
  const { implementation, parameters, max_batch_size: most, max_batch_time: wait } = parsed.data
  const name = parsed.data.name ?? dirname(file).split('/').at(-1) ?? 'model'
  const note = (text: string): void => void notes.push(`${name}: ${text}`)
  const version = parameters?.version
  const source =
    (await sourceOf(dirname(file), parameters?.uri)) ??
    (remoteUrl === null
      ? null
      : ({
          kind: 'remote',
          remote: { url: remoteUrl, model: name, ...(version === undefined ? {} : { version }) },
        } as const))
  if (source === null) {
    note(
      `${implementation} does not run here; with --remote it stays on its MLServer, behind an endpoint`
    )
    return null
  }
  if (wait !== undefined && wait > 0)
    note(
      'max_batch_time is not carried over: a batch is what has queued while the model was busy, and nobody waits for company'
    )
  // MLServer batches only when both are set.
  const isBatched = most !== undefined && most > 1 && wait !== undefined && wait > 0
  const batching = source.kind === 'remote' ? null : { maxRows: isBatched ? most : 1 }
  const variant = source.kind === 'remote' ? 'mlserver' : safeName(version ?? 'v1')
  return { name: safeName(name), variants: [{ variant, source, batching }], logger: null }
}

async function sourceOf(folder: string, uri: string | undefined): Promise<PlannedSource | null> {
  if (uri === undefined) return null
  const path = resolve(folder, uri.replace(/^file:\/\//, ''))
  if (path.endsWith('.onnx') && (await isFile(path))) return { kind: 'onnx', file: path }
  return (await isFile(join(path, 'MLmodel'))) ? { kind: 'mlflow', folder: path } : null
}
