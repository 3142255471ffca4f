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

/** `events` is JSON; `secret` signs what is sent and is never told. */
export interface WebhooksTable {
  webhook_id: string
  project: string
  name: string
  description: string
  url: string
  events: string
  secret: string | null
  status: string
  created_at: number
  updated_at: number
}

/** `state` is `pending`, `delivered` or `failed`; `message` what the receiver answered, or why there was no answer. */
export interface DeliveriesTable {
  delivery_id: string
  webhook_id: string
  event: string
  body: string
  state: string
  attempts: number
  next_at: number | null
  response_status: number | null
  message: string | null
  created_at: number
  sent_at: number | null
}

/** `rule` is JSON. */
export interface GuardsTable {
  model_key: number
  kind: string
  target: string
  rule: string
  by: string
  updated_at: number
}

/** `checks` is JSON: how they went when last made. */
export interface ApprovalsTable {
  approval_id: string
  model_key: number
  version: number
  kind: string
  target: string
  state: string
  comment: string
  checks: string
  requested_by: string
  requested_at: number
  closed_at: number | null
}

export interface ReviewsTable {
  approval_id: string
  reviewer: string
  verdict: string
  comment: string
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
  registry_webhooks: WebhooksTable
  registry_webhook_deliveries: DeliveriesTable
  registry_guards: GuardsTable
  registry_approvals: ApprovalsTable
  registry_reviews: ReviewsTable
}
