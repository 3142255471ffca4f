/**
 * OpenLineage 2-0-2 (https://openlineage.io/spec/2-0-2/OpenLineage.json): a training run is a run of the job that its experiment is, data sets
 * are its inputs, model versions its outputs; an alias or stage that moves is an event of the model's data set.
 */
import type { ModelVersionRecord } from '../../registry/index.ts'
import { COMMIT_TAG, type DatasetRecord, type RunRecord } from '../../tracking/index.ts'

const SPEC = 'https://openlineage.io/spec/2-0-2/OpenLineage.json'
const FACETS = 'https://openlineage.io/spec/facets'

type Facet = Readonly<{ _producer: string; _schemaURL: string }> & Readonly<Record<string, unknown>>
type Facets = Readonly<Record<string, Facet>>

export type OpenLineageDataset = Readonly<{ namespace: string; name: string; facets: Facets }>

export type RunState = 'START' | 'RUNNING' | 'COMPLETE' | 'ABORT' | 'FAIL' | 'OTHER'

export type OpenLineageEvent = Readonly<{
  eventTime: string
  producer: string
  schemaURL: string
}> &
  Readonly<Record<string, unknown>>

/** Makes events in the words of one namespace; `producer` is the URI of who says so. */
export function createEvents(words: { namespace: string; producer: string }) {
  const { namespace, producer } = words
  const facet = (schema: string, fields: Record<string, unknown>): Facet => ({
    _producer: producer,
    _schemaURL: `${FACETS}/${schema}`,
    ...fields,
  })

  const inputDataset = (dataset: DatasetRecord): OpenLineageDataset => ({
    namespace: `${namespace}/data`,
    name: dataset.name,
    facets: {
      version: facet('1-0-1/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet', {
        datasetVersion: dataset.digest,
      }),
      datasetType: facet('1-0-1/DatasetTypeDatasetFacet.json#/$defs/DatasetTypeDatasetFacet', {
        datasetType: dataset.sourceType.toUpperCase(),
      }),
      ...schemaFacet(dataset.schema, facet),
    },
  })

  const modelDataset = (version: ModelVersionRecord): OpenLineageDataset => ({
    namespace: `${namespace}/models`,
    name: version.name,
    facets: {
      version: facet('1-0-1/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet', {
        datasetVersion: String(version.version),
      }),
      datasetType: facet('1-0-1/DatasetTypeDatasetFacet.json#/$defs/DatasetTypeDatasetFacet', {
        datasetType: 'MODEL',
        subType: version.flavor.toUpperCase(),
      }),
      tags: facet('1-0-0/TagsDatasetFacet.json#/$defs/TagsDatasetFacet', {
        tags: [
          ...Object.entries(version.tags).map(([key, value]) => ({ key, value, source: 'USER' })),
          ...version.aliases.map((alias) => ({ key: 'alias', value: alias, source: 'TRESTLE' })),
          { key: 'stage', value: version.stage, source: 'TRESTLE' },
        ],
      }),
    },
  })

  return {
    run(given: {
      state: RunState
      at: number
      run: RunRecord
      experiment: string
      outputs: readonly ModelVersionRecord[]
    }): OpenLineageEvent {
      const { run } = given
      const tag = (key: string): string | null => run.tags.find((t) => t.key === key)?.value ?? null
      const commit = tag(COMMIT_TAG)
      const repository = tag('mlflow.source.git.repoURL')
      const branch = tag('mlflow.source.git.branch')
      return {
        eventType: given.state,
        eventTime: new Date(given.at).toISOString(),
        producer,
        schemaURL: `${SPEC}#/$defs/RunEvent`,
        run: {
          runId: asUuid(run.runId),
          facets: {
            nominalTime: facet('1-0-1/NominalTimeRunFacet.json#/$defs/NominalTimeRunFacet', {
              nominalStartTime: new Date(run.startTime).toISOString(),
              ...(run.endTime === null
                ? {}
                : { nominalEndTime: new Date(run.endTime).toISOString() }),
            }),
            tags: facet('1-0-0/TagsRunFacet.json#/$defs/TagsRunFacet', {
              tags: [
                ...run.params.map((p) => ({
                  key: `param.${p.key}`,
                  value: p.value,
                  source: 'TRESTLE',
                })),
                ...run.metrics.map((m) => ({
                  key: `metric.${m.key}`,
                  value: String(m.value),
                  source: 'TRESTLE',
                })),
              ],
            }),
          },
        },
        job: {
          namespace,
          name: given.experiment,
          facets: {
            jobType: facet('2-0-4/JobTypeJobFacet.json#/$defs/JobTypeJobFacet', {
              processingType: 'BATCH',
              integration: 'TRESTLE',
              jobType: 'TRAINING',
            }),
            ...(commit === null || repository === null || !isUrl(repository)
              ? {}
              : {
                  sourceCodeLocation: facet(
                    '1-1-0/SourceCodeLocationJobFacet.json#/$defs/SourceCodeLocationJobFacet',
                    {
                      type: 'git',
                      url: repository,
                      repoUrl: repository,
                      version: commit,
                      ...(branch === null ? {} : { branch }),
                    }
                  ),
                }),
          },
        },
        inputs: run.datasets.map(inputDataset),
        outputs: given.outputs.map(modelDataset),
      }
    },
    model: (version: ModelVersionRecord, at: number): OpenLineageEvent => ({
      eventTime: new Date(at).toISOString(),
      producer,
      schemaURL: `${SPEC}#/$defs/DatasetEvent`,
      dataset: modelDataset(version),
    }),
  }
}
export type Events = ReturnType<typeof createEvents>

/** MLflow's ids are UUIDs without their dashes. One that a client chose otherwise becomes the UUID that its bytes stand for. */
function asUuid(id: string): string {
  const hex = /^[0-9a-f]{32}$/i.test(id)
    ? id.toLowerCase()
    : Buffer.from(id.padEnd(16, '-')).toString('hex').slice(0, 32)
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

const isUrl = (text: string): boolean => URL.canParse(text)

/** MLflow's data set schemas: `{"mlflow_colspec": [{"type", "name"}]}` (mlflow.data). Any other form says nothing here. */
function schemaFacet(
  schema: string | null,
  facet: (schema: string, fields: Record<string, unknown>) => Facet
): Facets {
  if (schema === null) return {}
  try {
    const { mlflow_colspec: columns } = JSON.parse(schema) as { mlflow_colspec?: unknown } // looked at below
    if (!Array.isArray(columns)) return {}
    const fields = columns.flatMap((column: unknown) => {
      const { name, type } = column as { name?: unknown; type?: unknown }
      return typeof name === 'string' && typeof type === 'string' ? [{ name, type }] : []
    })
    return { schema: facet('1-2-0/SchemaDatasetFacet.json#/$defs/SchemaDatasetFacet', { fields }) }
  } catch {
    return {}
  }
}
