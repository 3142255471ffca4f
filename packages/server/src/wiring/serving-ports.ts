import type { Column, Registry } from '../modules/registry/index.ts'
import type { ModelSource } from '../modules/serving/index.ts'
import { fail } from '../platform/errors.ts'

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
      featureService: version.featureService,
    }
  },
})

/** Tensors of a signature say nothing that the model file does not say better. */
const namedColumn = (column: Column): { name: string; type: string }[] =>
  column.kind === 'column' && column.name !== null ? [{ name: column.name, type: column.type }] : []
