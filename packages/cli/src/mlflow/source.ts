/** What a tracking server has, in the order in which it is brought over. Ids are the server's own. */
export interface MlflowSource {
  /** How it is named in messages and tags; without passwords. */
  readonly label: string
  experiments(): Promise<readonly SourceExperiment[]>
  /** Deleted runs too, oldest first. */
  runs(experimentId: string): AsyncIterable<SourceRun>
  /** Every value of every metric of a run, some thousand at a time. */
  metrics(run: SourceRun): AsyncIterable<readonly SourceMetric[]>
  countMetrics(run: SourceRun): Promise<number>
  loggedModels(experimentId: string): AsyncIterable<SourceLoggedModel>
  models(): AsyncIterable<SourceModel>
  /** Files below an artifact URI; throws `UnreadableArtifacts` where this machine can't reach them. */
  files(artifactUri: string): AsyncIterable<SourceFile>
  close(): Promise<void>
}

export type Pair = { key: string; value: string }

export type SourceExperiment = Readonly<{
  id: string
  name: string
  lifecycleStage: 'active' | 'deleted'
  createdAt: number
  updatedAt: number
  tags: Pair[]
}>

export type SourceMetric = { key: string; value: number; timestamp: number; step: number }

export type SourceDataset = {
  name: string
  digest: string
  sourceType: string
  source: string
  schema: string | null
  profile: string | null
  tags: Pair[]
}

export type RunStatus = 'RUNNING' | 'SCHEDULED' | 'FINISHED' | 'FAILED' | 'KILLED'

export type SourceRun = Readonly<{
  runId: string
  experimentId: string
  name: string
  userId: string
  status: RunStatus
  startTime: number
  endTime: number | null
  artifactUri: string
  lifecycleStage: 'active' | 'deleted'
  params: Pair[]
  tags: Pair[]
  /** Names of its metrics, where the server says them. */
  metricKeys: readonly string[]
  datasets: SourceDataset[]
  modelInputs: string[]
  modelOutputs: { modelId: string; step: number }[]
}>

export type SourceLoggedModel = Readonly<{
  modelId: string
  name: string
  modelType: string
  status: string
  sourceRunId: string | null
  artifactUri: string
  createdAt: number
  updatedAt: number
  params: Pair[]
  tags: Pair[]
  metrics: (SourceMetric & { runId: string; datasetName: string; datasetDigest: string })[]
}>

export const STAGES = ['None', 'Staging', 'Production', 'Archived'] as const
export type Stage = (typeof STAGES)[number]

export type SourceVersion = Readonly<{
  version: number
  source: string
  runId: string | null
  modelId: string | null
  runLink: string
  stage: Stage
  userId: string
  description: string
  tags: Pair[]
  createdAt: number
  updatedAt: number
}>

export type SourceModel = Readonly<{
  name: string
  description: string | null
  createdAt: number
  updatedAt: number
  tags: Pair[]
  aliases: { alias: string; version: number }[]
  /** Oldest first. */
  versions: readonly SourceVersion[]
}>

export type SourceFile = Readonly<{
  path: string
  size: number
  /** The bytes, to be read once. */
  open: () => Promise<Blob | ReadableStream<Uint8Array>>
}>

/** Artifacts in a store that this machine can't read. */
export class UnreadableArtifacts extends Error {}
