import type { Generated } from 'kysely'

export interface RegisteredModelsTable {
  model_key: Generated<number>
  project: string
  name: string
  description: string | null
  created_at: number
  updated_at: number
}

export interface RegisteredModelTagsTable {
  model_key: number
  key: string
  value: string
}

/** `signature` and `onnx` are JSON, written once when the version is sealed. */
export interface ModelVersionsTable {
  version_key: Generated<number>
  model_key: number
  version: number
  stage: string
  status: string
  status_message: string | null
  source: string
  storage_uri: string
  run_id: string | null
  run_link: string
  model_id: string | null
  user_id: string
  description: string
  flavor: string
  signature: string | null
  onnx_file: string | null
  onnx: string | null
  feature_service: string | null
  lifecycle_stage: string
  created_at: number
  updated_at: number
}

export interface ModelVersionTagsTable {
  version_key: number
  key: string
  value: string
}

export interface ModelVersionFilesTable {
  version_key: number
  path: string
  digest: string
  size: number
}

export interface ModelAliasesTable {
  model_key: number
  alias: string
  version: number
}

/** What was called or staged what, and when: the registry's history. */
export interface ModelVersionEventsTable {
  event_id: string
  model_key: number
  version: number
  kind: string
  alias: string | null
  stage: string | null
  by: string
  at: number
}

/** The registry module's tables. */
export interface RegistryTables {
  registered_models: RegisteredModelsTable
  registered_model_tags: RegisteredModelTagsTable
  model_versions: ModelVersionsTable
  model_version_tags: ModelVersionTagsTable
  model_version_files: ModelVersionFilesTable
  model_aliases: ModelAliasesTable
  model_version_events: ModelVersionEventsTable
}
