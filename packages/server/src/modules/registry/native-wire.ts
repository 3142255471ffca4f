import type { ModelVersionDetail, ModelVersionSummary, RegisteredModel } from '@trestle/contract'
import type { RunRecord } from '../tracking/index.ts'
import type { ModelVersionRecord, RegisteredModelRecord } from './model-version.ts'

export const toSummary = (version: ModelVersionRecord): ModelVersionSummary => ({
  name: version.name,
  version: version.version,
  stage: version.stage,
  status: version.status,
  statusMessage: version.statusMessage,
  flavor: version.flavor,
  aliases: [...version.aliases],
  tags: { ...version.tags },
  description: version.description,
  runId: version.runId,
  createdAt: version.createdAt,
  updatedAt: version.updatedAt,
  createdBy: version.userId,
})

/** A version with where it comes from: its run, the data that the run read, the commit that it ran. */
export function toDetail(version: ModelVersionRecord, run: RunRecord | null): ModelVersionDetail {
  return {
    ...toSummary(version),
    source: version.source,
    modelId: version.modelId,
    featureService: version.featureService,
    files: version.files.map((file) => ({ ...file })),
    signature:
      version.signature === null
        ? null
        : {
            inputs: version.signature.inputs.map(copyColumn),
            outputs: version.signature.outputs.map(copyColumn),
          },
    onnxFile: version.onnxFile,
    onnx:
      version.onnx === null
        ? null
        : {
            ...version.onnx,
            opsets: { ...version.onnx.opsets },
            metadata: { ...version.onnx.metadata },
            externalFiles: [...version.onnx.externalFiles],
            inputs: version.onnx.inputs.map(copyValue),
            outputs: version.onnx.outputs.map(copyValue),
          },
    lineage: lineageOf(run),
  }
}

type Signature = NonNullable<ModelVersionDetail['signature']>
type Summary = NonNullable<ModelVersionDetail['onnx']>

const copyColumn = (
  column: NonNullable<ModelVersionRecord['signature']>['inputs'][number]
): Signature['inputs'][number] =>
  column.kind === 'tensor' ? { ...column, shape: [...column.shape] } : { ...column }

const copyValue = (
  value: NonNullable<ModelVersionRecord['onnx']>['inputs'][number]
): Summary['inputs'][number] => ({
  ...value,
  shape: value.shape === null ? null : [...value.shape],
})

function lineageOf(run: RunRecord | null): ModelVersionDetail['lineage'] {
  if (run === null) return { run: null, datasets: [] }
  const tag = (key: string): string | null => run.tags.find((t) => t.key === key)?.value ?? null
  return {
    run: {
      runId: run.runId,
      name: run.name,
      experimentId: run.experimentId,
      status: run.status,
      gitCommit: tag('mlflow.source.git.commit'),
      gitRepository: tag('mlflow.source.git.repoURL'),
      user: run.userId,
      metrics: Object.fromEntries(
        run.metrics.map((m) => [m.key, Number.isFinite(m.value) ? m.value : null])
      ),
      params: Object.fromEntries(run.params.map((p) => [p.key, p.value])),
    },
    datasets: run.datasets.map((dataset) => ({
      name: dataset.name,
      digest: dataset.digest,
      sourceType: dataset.sourceType,
      context: dataset.tags.find((t) => t.key === 'mlflow.data.context')?.value ?? null,
    })),
  }
}

export const toModel = (
  model: RegisteredModelRecord,
  versions: readonly ModelVersionRecord[]
): RegisteredModel => ({
  name: model.name,
  description: model.description ?? '',
  createdAt: model.createdAt,
  updatedAt: model.updatedAt,
  tags: Object.fromEntries(model.tags.map((tag) => [tag.key, tag.value])),
  aliases: Object.fromEntries(model.aliases.map((a) => [a.alias, a.version])),
  versions: versions.map(toSummary),
})
