import { toWireMetric, unlessEmpty } from '../runs/run-wire.ts'
import type { LoggedModelRecord } from './logged-model-records.ts'

export const toWireModel = (model: LoggedModelRecord): object => ({
  info: {
    model_id: model.modelId,
    experiment_id: model.experimentId,
    name: model.name,
    creation_timestamp_ms: model.createdAt,
    last_updated_timestamp_ms: model.updatedAt,
    artifact_uri: model.artifactUri,
    status: model.status,
    model_type: model.modelType,
    ...(model.sourceRunId === null ? {} : { source_run_id: model.sourceRunId }),
    ...unlessEmpty('tags', model.tags),
  },
  data: {
    ...unlessEmpty('params', model.params),
    ...unlessEmpty(
      'metrics',
      model.metrics.map((metric) => ({
        ...toWireMetric(metric),
        ...(metric.datasetName === '' ? {} : { dataset_name: metric.datasetName }),
        ...(metric.datasetDigest === '' ? {} : { dataset_digest: metric.datasetDigest }),
        model_id: model.modelId,
        run_id: metric.runId,
      }))
    ),
  },
})
