import { randomUUID } from 'node:crypto'
import { TrestleError, type TrestleClient } from '@trestle/sdk'
import { localFiles } from '../mlflow/local-files.ts'

const MLFLOW = '/api/2.0/mlflow'

/** Registers a model folder of MLflow as the next version of a model. Returns its version. */
export async function registerFolder(
  client: TrestleClient,
  model: string,
  folder: string
): Promise<string> {
  const root = `imported/${encodeURIComponent(model)}/${randomUUID()}`
  for await (const file of localFiles(folder))
    await client.request({
      method: 'PUT',
      path: `/api/2.0/mlflow-artifacts/artifacts/${root}/${file.path.split('/').map(encodeURIComponent).join('/')}`,
      body: await file.open(),
    })
  await client
    .request({ method: 'POST', path: `${MLFLOW}/registered-models/create`, body: { name: model } })
    .catch((error: unknown) => {
      if (!(error instanceof TrestleError && error.code === 'resource.already_exists')) throw error
    })
  const made = (await client.request({
    method: 'POST',
    path: `${MLFLOW}/model-versions/create`,
    body: { name: model, source: `mlflow-artifacts:/${root}` },
  })) as { model_version: { version: string } } // MLflow's own answer
  return made.model_version.version
}
