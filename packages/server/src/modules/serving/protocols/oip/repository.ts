import { AppError } from '../../../../kernel/errors.ts'
import { fail } from '../../../../platform/errors.ts'
import { NO_SETTINGS } from '../../endpoint.ts'
import type { EndpointControl } from '../../endpoint-control.ts'
import type { Fleet } from '../../fleet.ts'
import { isRecord } from '../../named-inputs.ts'
import { findModel } from './model-info.ts'

export type RepositoryDeps = Readonly<{ fleet: Fleet; control: EndpointControl }>

/**
 * Triton's `load` of the model repository extension. A model that has an endpoint is brought into memory; one that has none but is registered gets an
 * endpoint over its latest version. A configuration or files in the request are refused: models come from the registry.
 * https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_model_repository.md
 */
export async function loadModel(
  { fleet, control }: RepositoryDeps,
  project: string,
  { name, parameters }: { name: string; parameters: readonly string[] }
): Promise<void> {
  if (parameters.length > 0)
    throw fail(
      'request.invalid',
      `failed to load '${name}': "${parameters[0] ?? ''}" can't be given here; register the model and create an endpoint`
    )
  const endpoint = fleet.find(project, name)
  if (endpoint === undefined) {
    await createFromRegistry(control, project, name)
    return
  }
  await fleet.load(endpoint)
  const broken = [...endpoint.variants.values()].find(({ state }) => state === 'failed')
  if (broken !== undefined)
    throw fail('serving.model_load_failed', `failed to load '${name}': ${broken.error ?? ''}`)
}

async function createFromRegistry(
  control: EndpointControl,
  project: string,
  name: string
): Promise<void> {
  try {
    await control.create({ project, name, model: `${name}/latest`, ...NO_SETTINGS })
  } catch (error) {
    if (error instanceof AppError && error.code.startsWith('registry.'))
      throw fail('request.invalid', `failed to load '${name}', no such model is registered`, {
        cause: error,
      })
    throw error
  }
}

/** Triton's `unload`: frees the memory on this server; the endpoint stays and answers 503 until it is loaded again. */
export async function unloadModel(
  { fleet }: Pick<RepositoryDeps, 'fleet'>,
  project: string,
  name: string
): Promise<void> {
  await fleet.unload(findModel(fleet, project, name))
}

/** The names of the parameters in a load request's body that we would have to obey. */
export function loadParameters(body: unknown): string[] {
  if (!isRecord(body) || !isRecord(body['parameters'])) return []
  return Object.keys(body['parameters'])
}
