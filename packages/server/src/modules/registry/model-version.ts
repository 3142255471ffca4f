import type { Digest } from '../../platform/blobs/index.ts'
import type { OnnxSummary } from './onnx/onnx-summary.ts'
import type { Column } from './signature.ts'

export const STAGES = ['None', 'Staging', 'Production', 'Archived'] as const
export type Stage = (typeof STAGES)[number]
export type VersionStatus = 'PENDING_REGISTRATION' | 'READY' | 'FAILED_REGISTRATION'
export type VersionFile = Readonly<{ path: string; digest: Digest; size: number }>

/** A version is sealed when it is made: its files, signature and graph never change. Tags, description, stage and aliases may. */
export type ModelVersionRecord = Readonly<{
  project: string
  name: string
  version: number
  stage: Stage
  status: VersionStatus
  statusMessage: string | null
  /** Where it was registered from, as the caller wrote it. */
  source: string
  /** The place that `source` stood for when the version was made. */
  storageUri: string
  runId: string | null
  runLink: string
  modelId: string | null
  userId: string
  description: string
  files: readonly VersionFile[]
  signature: Readonly<{ inputs: readonly Column[]; outputs: readonly Column[] }> | null
  flavor: 'onnx' | 'other'
  onnxFile: string | null
  onnx: OnnxSummary | null
  tags: Readonly<Record<string, string>>
  aliases: readonly string[]
  createdAt: number
  updatedAt: number
  featureService: string | null
}>

/** A stage by any case of its name; null when there is no such stage. */
export const stageOf = (text: string): Stage | null =>
  STAGES.find((stage) => stage.toLowerCase() === text.toLowerCase()) ?? null

export type RegisteredModelRecord = Readonly<{
  project: string
  name: string
  description: string | null
  createdAt: number
  updatedAt: number
  tags: readonly Readonly<{ key: string; value: string }>[]
  aliases: readonly Readonly<{ alias: string; version: number }>[]
}>

/** Something that happened to a version, for those who serve or watch models. */
export type RegistryEvent = Readonly<{
  kind: 'version.created' | 'alias.moved' | 'stage.changed'
  project: string
  name: string
  version: number
  alias?: string
  stage?: Stage
  by: string
  at: number
}>
