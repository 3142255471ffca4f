import { dirname } from 'node:path'
import type { Column, ModelVersionRecord, Registry } from '../modules/registry/index.ts'
import type { ModelSource, PromptSource } from '../modules/serving/index.ts'
import { fail } from '../platform/errors.ts'
import { z } from 'zod'

/** Serving's models are the registry's versions. An archived version is not to be served, and a broken one can't be. */
export const modelsFrom = (registry: Registry): ModelSource => ({
  async resolve(project, reference) {
    const version = await registry.resolve(project, reference)
    const named = `${version.name}/${version.version}`
    if (version.status !== 'READY')
      throw fail(
        'registry.version_not_ready',
        `${named} is not ready: ${version.statusMessage ?? version.status}`
      )
    if (version.stage === 'Archived')
      throw fail(
        'registry.version_not_ready',
        `${named} is archived; move it to another stage to serve it`
      )
    return {
      name: version.name,
      version: version.version,
      signature:
        version.signature === null
          ? null
          : {
              inputs: version.signature.inputs.flatMap(namedColumn),
              outputs: version.signature.outputs.flatMap(namedColumn),
            },
      onnxPath:
        version.onnxFile === null ? null : await registry.localFile(version, version.onnxFile),
      onnxBytes: onnxBytes(version),
      pyfuncFolder:
        version.onnxFile === null && version.files.some(({ path }) => path === 'MLmodel')
          ? dirname(await registry.localFile(version, 'MLmodel'))
          : null,
      featureService: version.featureService,
    }
  },
})

/** The file and the weights that it keeps beside itself. */
function onnxBytes({ onnxFile, onnx, files }: ModelVersionRecord): number {
  const folder = onnxFile?.slice(0, onnxFile.lastIndexOf('/') + 1) ?? ''
  const names = new Set(onnx?.externalFiles.map((name) => folder + name)).add(onnxFile ?? '')
  return files.reduce((sum, { path, size }) => sum + (names.has(path) ? size : 0), 0)
}

const messages = z.array(z.object({ role: z.string(), content: z.string() }))

/** Serving's prompts are the registry's: MLflow keeps their text in a tag of the version (`mlflow.prompt.text`), and a chat as a list of messages. */
export const promptsFrom = (registry: Registry): PromptSource => ({
  async resolve(project, reference) {
    const version = await registry.resolve(project, reference.replace(/^prompts:\//, ''))
    const text = version.tags['mlflow.prompt.text']
    if (text === undefined)
      throw fail('request.invalid', `"${version.name}" is a model, not a prompt`)
    const isChat = version.tags['_mlflow_prompt_type'] === 'chat'
    return {
      name: version.name,
      version: version.version,
      messages: isChat ? messages.parse(JSON.parse(text)) : [{ role: 'system', content: text }],
    }
  },
})

/** Tensors of a signature say nothing that the model file does not say better. */
const namedColumn = (column: Column): { name: string; type: string }[] =>
  column.kind === 'column' && column.name !== null ? [{ name: column.name, type: column.type }] : []
