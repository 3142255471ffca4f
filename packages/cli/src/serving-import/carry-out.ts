import { openAsBlob } from 'node:fs'
import type { TrestleClient } from '@trestle/sdk'
import { registerFolder } from './mlflow-folder.ts'
import type { PlannedEndpoint, PlannedVariant } from './plan.ts'

/** Makes what a plan says: models are registered, endpoints created over them. An endpoint that is there already is left alone; the result says so. */
export async function carryOut(
  client: TrestleClient,
  endpoints: readonly PlannedEndpoint[],
  onProgress: (text: string) => void
): Promise<{ made: string[]; there: string[] }> {
  const { items } = await client.serving.listEndpoints()
  const taken = new Set(items.map(({ name }) => name))
  const made: string[] = []
  const there: string[] = []
  for (const endpoint of endpoints) {
    if (taken.has(endpoint.name)) {
      there.push(endpoint.name)
      continue
    }
    onProgress(endpoint.name)
    await makeEndpoint(client, endpoint)
    made.push(endpoint.name)
  }
  return { made, there }
}

async function makeEndpoint(client: TrestleClient, endpoint: PlannedEndpoint): Promise<void> {
  const { name, logger } = endpoint
  const [first, ...others] = endpoint.variants
  if (first === undefined) return
  await client.serving.createEndpoint({ name, logger, ...(await variantOf(client, name, first)) })
  for (const variant of others)
    await client.serving.addVariant({ endpoint: name, ...(await variantOf(client, name, variant)) })
  const last = others.at(-1)
  if (last !== undefined)
    await client.serving.setTraffic({
      endpoint: name,
      weights: [{ variant: last.variant, basisPoints: 10_000 }],
    })
}

async function variantOf(client: TrestleClient, model: string, planned: PlannedVariant) {
  const { variant, source, batching } = planned
  switch (source.kind) {
    case 'onnx': {
      const { version } = await client.uploadModel(model, await openAsBlob(source.file))
      return { variant, batching, model: `${model}/${version}` }
    }
    case 'mlflow': {
      const version = await registerFolder(client, model, source.folder)
      return { variant, batching, model: `${model}/${version}` }
    }
    case 'remote':
      return { variant, remote: source.remote }
  }
}
