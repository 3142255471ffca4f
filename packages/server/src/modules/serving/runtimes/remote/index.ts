import type { RemoteSpec } from '@trestle/contract'
import type { Clock } from '../../../../kernel/clock.ts'
import { messageOf } from '../../../../kernel/errors.ts'
import { fail } from '../../../../platform/errors.ts'
import type { LoadedModel, ModelSpec } from '../../runtime.ts'
import { guardModel } from './guarded-model.ts'
import { createOipGrpcClient } from './oip-grpc.ts'
import { createOipRestClient } from './oip-rest.ts'
import type { RemoteClient } from './remote-client.ts'
import { createRowsClient, kserveV1, mlflowScoring, sagemaker } from './rows-client.ts'

/** Opens models on other servers. */
export interface RemoteModels {
  /** Asks the server for the model's inputs and outputs. Throws `serving.model_load_failed` when it can't be reached or does not have it. */
  open(spec: RemoteSpec): Promise<LoadedModel>
}

const DESCRIBE_TIMEOUT_MS = 10_000

export function createRemoteModels(deps: {
  clock: Clock
  /** A key by the name of its variable; null when it is not set. */
  keys: (name: string) => string | null
}): RemoteModels {
  return {
    async open(spec) {
      const label = `the model ${spec.model ?? ''} at ${hostOf(spec.url)}`.replace('  ', ' ')
      const key = spec.keyEnv === null ? null : deps.keys(spec.keyEnv)
      if (spec.keyEnv !== null && key === null)
        throw fail(
          'serving.model_load_failed',
          `The server's environment has no ${spec.keyEnv}; set it and start the server again, or name another variable`
        )
      const headers: Record<string, string> = key === null ? {} : { authorization: `Bearer ${key}` }
      const client = await openClient(spec, deps.clock)
      try {
        const said = await client.describe({ timeoutMs: DESCRIBE_TIMEOUT_MS, headers })
        return guardModel(
          { client, clock: deps.clock, spec: specOf(spec, said) },
          { label, timeoutMs: spec.timeoutMs, retries: spec.retries, headers }
        )
      } catch (error) {
        await client.close()
        throw fail(
          'serving.model_load_failed',
          `${label} does not take requests: ${messageOf(error)}`,
          { cause: error }
        )
      }
    },
  }
}

function specOf(spec: RemoteSpec, said: Omit<ModelSpec, 'isOpen'>): ModelSpec {
  const inputs = spec.inputs ?? said.inputs
  return {
    platform: said.platform === '' ? spec.protocol.replaceAll('-', '_') : said.platform,
    inputs,
    outputs: spec.outputs ?? said.outputs,
    isOpen: inputs.length === 0,
  }
}

async function openClient(spec: RemoteSpec, clock: Clock): Promise<RemoteClient> {
  const { url, version, maxConcurrent: connections } = spec
  const model = spec.model ?? ''
  const { origin, pathname, search } = new URL(url)
  const rows = { origin, connections, outputs: spec.outputs ?? [] }
  switch (spec.protocol) {
    case 'oip':
      return url.startsWith('grpc')
        ? createOipGrpcClient({ url, model, version, connections, clock })
        : createOipRestClient({ url, model, version, connections })
    case 'kserve-v1':
      return createRowsClient({ ...rows, dialect: kserveV1(pathname.replace(/\/+$/, ''), model) })
    case 'sagemaker':
      return createRowsClient({ ...rows, dialect: sagemaker(pathname + search) })
    case 'mlflow':
      return createRowsClient({ ...rows, dialect: mlflowScoring(pathname + search) })
  }
}

const hostOf = (url: string): string => new URL(url).host
