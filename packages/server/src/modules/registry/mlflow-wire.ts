import type { ModelVersionRecord, RegisteredModelRecord, Stage } from './model-version.ts'

/** A version as MLflow's clients know it: its number is a string. */
export function toWireVersion(version: ModelVersionRecord): object {
  const tags = Object.entries(version.tags)
  return {
    name: version.name,
    version: String(version.version),
    creation_timestamp: version.createdAt,
    last_updated_timestamp: version.updatedAt,
    ...(version.userId === '' ? {} : { user_id: version.userId }),
    current_stage: version.stage,
    description: version.description,
    source: version.source,
    run_id: version.runId ?? '',
    status: version.status,
    ...(version.statusMessage === null ? {} : { status_message: version.statusMessage }),
    run_link: version.runLink,
    ...(version.modelId === null ? {} : { model_id: version.modelId }),
    ...(tags.length === 0 ? {} : { tags: tags.map(([key, value]) => ({ key, value })) }),
    ...(version.aliases.length === 0 ? {} : { aliases: version.aliases }),
  }
}

export function toWireModel(
  model: RegisteredModelRecord,
  versions: readonly ModelVersionRecord[]
): object {
  const latest = latestByStage(versions.filter((version) => version.name === model.name))
  return {
    name: model.name,
    creation_timestamp: model.createdAt,
    last_updated_timestamp: model.updatedAt,
    ...(model.description === null ? {} : { description: model.description }),
    ...(latest.length === 0 ? {} : { latest_versions: latest.map(toWireVersion) }),
    ...(model.tags.length === 0 ? {} : { tags: model.tags }),
    ...(model.aliases.length === 0
      ? {}
      : { aliases: model.aliases.map((a) => ({ alias: a.alias, version: String(a.version) })) }),
  }
}

/** The newest version of each stage, of those given newest first. */
export function latestByStage(versions: readonly ModelVersionRecord[]): ModelVersionRecord[] {
  const byStage = new Map<Stage, ModelVersionRecord>()
  for (const version of versions)
    if (!byStage.has(version.stage)) byStage.set(version.stage, version)
  return [...byStage.values()]
}
