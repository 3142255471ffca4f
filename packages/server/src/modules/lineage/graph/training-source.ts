import type { LineageEdge, LineageNode } from '@trestle/contract'
import { AppError } from '../../../kernel/errors.ts'
import type { ModelVersionRecord, Registry } from '../../registry/index.ts'
import {
  COMMIT_TAG,
  type DatasetRecord,
  type RunRecord,
  type Tracking,
} from '../../tracking/index.ts'
import { edgeOf, type LineageSource, type NodeRef } from './lineage-source.ts'

/** Runs shown of one commit or dataset. */
const MOST_RUNS = 100

/** Training: the commit that was run, the data that was read, the run, the version made of it, the feature service that feeds it. */
export function createTrainingSource(deps: {
  tracking: Tracking
  registry: Registry
}): LineageSource {
  const { tracking, registry } = deps

  const runsOf = async (project: string, ref: NodeRef): Promise<LineageEdge[]> => {
    const link =
      ref.kind === 'dataset'
        ? ({ kind: 'dataset', ...parseDataset(ref.id) } as const)
        : ({ kind: 'commit', commit: ref.id } as const)
    const runs = await tracking.findRuns(project, link, MOST_RUNS)
    return runs.map((run) => {
      const read = run.datasets.find((d) => datasetNode(d).id === ref.id)
      const label = ref.kind === 'dataset' && read !== undefined ? readAs(read) : 'ran as'
      return edgeOf(ref, { kind: 'run', id: run.runId }, label)
    })
  }

  const ofRun = async (project: string, self: NodeRef): Promise<LineageEdge[]> => {
    const run = await tracking.getRun(project, self.id)
    if (run === null) return []
    const versions = await registry.findVersions(project, { runId: self.id })
    const commit = commitNode(run)
    return [
      ...(commit === null ? [] : [edgeOf(commit, self, 'ran as')]),
      ...run.datasets.map((d) => edgeOf(datasetNode(d), self, readAs(d))),
      ...versions.map((version) => edgeOf(self, versionNode(version), 'registered as')),
    ]
  }

  const ofVersion = async (project: string, self: NodeRef): Promise<LineageEdge[]> => {
    const version = await findVersion(project, self.id)
    if (version === null) return []
    const { runId, featureService } = version
    return [
      ...(runId === null ? [] : [edgeOf({ kind: 'run', id: runId }, self, 'registered as')]),
      ...(featureService === null
        ? []
        : [
            // A version names its service with the service's version.
            edgeOf(
              { kind: 'feature-service', id: featureService.replace(/@v\d+$/, '') },
              self,
              'feeds'
            ),
          ]),
    ]
  }

  const ofService = async (project: string, self: NodeRef): Promise<LineageEdge[]> =>
    (await registry.findVersions(project, { featureService: self.id })).map((version) =>
      edgeOf(self, versionNode(version), 'feeds')
    )

  const findVersion = async (project: string, id: string): Promise<ModelVersionRecord | null> => {
    try {
      return await registry.resolve(project, id)
    } catch (error) {
      if (error instanceof AppError && error.code.startsWith('registry.')) return null
      throw error
    }
  }

  return {
    async find(project, ref) {
      switch (ref.kind) {
        case 'run': {
          const run = await tracking.getRun(project, ref.id)
          return run === null ? null : runNode(run)
        }
        case 'model-version': {
          const version = await findVersion(project, ref.id)
          return version === null ? null : versionNode(version)
        }
        case 'commit': {
          const [run] = await tracking.findRuns(project, { kind: 'commit', commit: ref.id }, 1)
          return run === undefined ? null : commitNode(run)
        }
        case 'dataset': {
          const { name, digest } = parseDataset(ref.id)
          const [run] = await tracking.findRuns(project, { kind: 'dataset', name, digest }, 1)
          const dataset = run?.datasets.find((d) => d.name === name && d.digest === digest)
          return dataset === undefined ? null : datasetNode(dataset)
        }
        case 'feature-view':
        case 'feature-service':
        case 'endpoint':
        case 'monitor':
          return null
      }
    },
    async edges(project, ref) {
      switch (ref.kind) {
        case 'commit':
        case 'dataset':
          return runsOf(project, ref)
        case 'run':
          return ofRun(project, ref)
        case 'model-version':
          return ofVersion(project, ref)
        case 'feature-service':
          return ofService(project, ref)
        case 'feature-view':
        case 'endpoint':
        case 'monitor':
          return []
      }
    },
  }
}

const tagOf = (run: RunRecord, key: string): string | null =>
  run.tags.find((tag) => tag.key === key)?.value ?? null

function parseDataset(id: string): { name: string; digest: string } {
  const at = id.lastIndexOf('@')
  return at < 0 ? { name: id, digest: '' } : { name: id.slice(0, at), digest: id.slice(at + 1) }
}

function runNode(run: RunRecord): LineageNode {
  const metrics = run.metrics
    .filter((m) => Number.isFinite(m.value))
    .slice(0, 6)
    .map((m): [string, string] => [m.key, String(Number(m.value.toPrecision(6)))])
  return {
    kind: 'run',
    id: run.runId,
    label: run.name,
    at: run.startTime,
    state: run.status,
    facts: { experiment: run.experimentId, user: run.userId, ...Object.fromEntries(metrics) },
  }
}

function commitNode(run: RunRecord): LineageNode | null {
  const commit = tagOf(run, COMMIT_TAG)
  if (commit === null || commit === '') return null
  const repository = tagOf(run, 'mlflow.source.git.repoURL')
  const branch = tagOf(run, 'mlflow.source.git.branch')
  const source = tagOf(run, 'mlflow.source.name')
  return {
    kind: 'commit',
    id: commit,
    label: commit.slice(0, 10),
    at: null,
    state: null,
    facts: {
      ...(repository === null ? {} : { repository }),
      ...(branch === null ? {} : { branch }),
      ...(source === null ? {} : { source }),
    },
  }
}

const readAs = (dataset: DatasetRecord): string => {
  const context = dataset.tags.find((tag) => tag.key === 'mlflow.data.context')?.value
  return context === undefined ? 'read by' : `read for ${context}`
}

const datasetNode = (dataset: DatasetRecord): LineageNode => ({
  kind: 'dataset',
  id: `${dataset.name}@${dataset.digest}`,
  label: dataset.name,
  at: null,
  state: null,
  facts: { digest: dataset.digest, source: dataset.sourceType },
})

const versionNode = (version: ModelVersionRecord): LineageNode => ({
  kind: 'model-version',
  id: `${version.name}/${version.version}`,
  label: `${version.name} v${version.version}`,
  at: version.createdAt,
  state:
    version.status === 'FAILED_REGISTRATION'
      ? 'failed'
      : version.stage === 'None'
        ? null
        : version.stage,
  facts: {
    ...(version.aliases.length === 0
      ? {}
      : { aliases: version.aliases.map((alias) => `@${alias}`).join(' ') }),
    by: version.userId,
  },
})
