import type { Database } from '../../platform/database/index.ts'
import {
  stageOf,
  type ModelVersionRecord,
  type RegisteredModelRecord,
  type VersionStatus,
} from './model-version.ts'
import type { OnnxSummary } from './onnx/onnx-summary.ts'
import type { Signature } from './signature.ts'
import type { ModelRow, VersionRow } from './store.ts'
import type { RegistryTables } from './tables.ts'

const CHUNK = 500

/** Reads what hangs on models and versions: one query per kind for a whole list. */
export interface RegistryReader {
  models(rows: readonly ModelRow[]): Promise<RegisteredModelRecord[]>
  /** `withFiles: false` leaves the file lists empty, for long lists. */
  versions(
    rows: readonly VersionRow[],
    options?: { withFiles: boolean }
  ): Promise<ModelVersionRecord[]>
  /** Every live version of some models, newest first. */
  versionsOf(models: readonly ModelRow[]): Promise<ModelVersionRecord[]>
}

export function createRegistryReader(database: Database): RegistryReader {
  const db = database.as<RegistryTables>()

  const inChunks = async <T, R>(
    items: readonly T[],
    read: (chunk: readonly T[]) => Promise<R[]>
  ): Promise<R[]> => {
    const all: R[] = []
    for (let at = 0; at < items.length; at += CHUNK)
      all.push(...(await read(items.slice(at, at + CHUNK))))
    return all
  }

  const aliasesOf = (modelKeys: readonly number[]) =>
    inChunks(modelKeys, (keys) =>
      db
        .selectFrom('model_aliases')
        .selectAll()
        .where('model_key', 'in', keys)
        .orderBy('alias')
        .execute()
    )

  const versions: RegistryReader['versions'] = async (rows, options = { withFiles: true }) => {
    const keys = rows.map((row) => row.version_key)
    const modelKeys = [...new Set(rows.map((row) => row.model_key))]
    const models = await inChunks(modelKeys, (some) =>
      db.selectFrom('registered_models').selectAll().where('model_key', 'in', some).execute()
    )
    const modelByKey = new Map(models.map((model) => [model.model_key, model]))
    const aliases = await aliasesOf(modelKeys)
    const tags = Map.groupBy(
      await inChunks(keys, (some) =>
        db
          .selectFrom('model_version_tags')
          .selectAll()
          .where('version_key', 'in', some)
          .orderBy('key')
          .execute()
      ),
      (tag) => tag.version_key
    )
    const files = Map.groupBy(
      options.withFiles
        ? await inChunks(keys, (some) =>
            db
              .selectFrom('model_version_files')
              .selectAll()
              .where('version_key', 'in', some)
              .orderBy('path')
              .execute()
          )
        : [],
      (file) => file.version_key
    )
    return rows.flatMap((row) => {
      const model = modelByKey.get(row.model_key)
      if (model === undefined) return [] // deleted since
      return [
        toRecord(row, {
          model,
          tags: tags.get(row.version_key) ?? [],
          files: files.get(row.version_key) ?? [],
          aliases: aliases
            .filter((a) => a.model_key === row.model_key && a.version === row.version)
            .map((a) => a.alias),
        }),
      ]
    })
  }

  return {
    versions,
    async models(rows) {
      const keys = rows.map((row) => row.model_key)
      const tags = Map.groupBy(
        await inChunks(keys, (some) =>
          db
            .selectFrom('registered_model_tags')
            .selectAll()
            .where('model_key', 'in', some)
            .orderBy('key')
            .execute()
        ),
        (tag) => tag.model_key
      )
      const aliases = Map.groupBy(await aliasesOf(keys), (alias) => alias.model_key)
      return rows.map((row) => ({
        project: row.project,
        name: row.name,
        description: row.description,
        createdAt: row.created_at,
        updatedAt: row.updated_at,
        tags: (tags.get(row.model_key) ?? []).map(({ key, value }) => ({ key, value })),
        aliases: (aliases.get(row.model_key) ?? []).map(({ alias, version }) => ({
          alias,
          version,
        })),
      }))
    },
    async versionsOf(models) {
      const rows = await inChunks(
        models.map((model) => model.model_key),
        (some) =>
          db
            .selectFrom('model_versions')
            .selectAll()
            .where('model_key', 'in', some)
            .where('lifecycle_stage', '=', 'active')
            .orderBy('version', 'desc')
            .execute()
      )
      return versions(rows, { withFiles: false })
    },
  }
}

function toRecord(
  row: VersionRow,
  parts: {
    model: ModelRow
    tags: readonly { key: string; value: string }[]
    files: readonly { path: string; digest: string; size: number }[]
    aliases: readonly string[]
  }
): ModelVersionRecord {
  return {
    project: parts.model.project,
    name: parts.model.name,
    version: row.version,
    stage: stageOf(row.stage) ?? 'None',
    status: row.status as VersionStatus, // only these are written
    statusMessage: row.status_message,
    source: row.source,
    storageUri: row.storage_uri,
    runId: row.run_id,
    runLink: row.run_link,
    modelId: row.model_id,
    userId: row.user_id,
    description: row.description,
    files: parts.files.map(({ path, digest, size }) => ({ path, digest, size })),
    signature: row.signature === null ? null : (JSON.parse(row.signature) as Signature), // written at sealing
    flavor: row.flavor === 'onnx' ? 'onnx' : 'other',
    onnxFile: row.onnx_file,
    onnx: row.onnx === null ? null : (JSON.parse(row.onnx) as OnnxSummary), // written at sealing
    tags: Object.fromEntries(parts.tags.map((tag) => [tag.key, tag.value])),
    aliases: parts.aliases,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    featureService: row.feature_service,
  }
}
