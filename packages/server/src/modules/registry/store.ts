import { sql, type Kysely, type Selectable } from 'kysely'
import type { Database } from '../../platform/database/index.ts'
import type { KeyValue } from '../tracking/index.ts'
import type { Stage, VersionFile } from './model-version.ts'
import type { ModelVersionsTable, RegisteredModelsTable, RegistryTables } from './tables.ts'

export type ModelRow = Selectable<RegisteredModelsTable>
export type VersionRow = Selectable<ModelVersionsTable>
export type NewVersion = Omit<VersionRow, 'version_key' | 'model_key' | 'version'>
export type EventRow = Selectable<RegistryTables['model_version_events']>

export interface RegistryStore {
  /** False when the name is taken. */
  insertModel(row: Omit<ModelRow, 'model_key'>, tags: readonly KeyValue[]): Promise<boolean>
  findModel(project: string, name: string): Promise<ModelRow | undefined>
  findModelByKey(modelKey: number): Promise<ModelRow | undefined>
  modelTags(model: ModelRow): Promise<KeyValue[]>
  /** False when the new name is taken. */
  updateModel(model: ModelRow, changes: Partial<Omit<ModelRow, 'model_key'>>): Promise<boolean>
  deleteModel(model: ModelRow): Promise<void>
  setModelTag(model: ModelRow, tag: KeyValue): Promise<void>
  deleteModelTag(model: ModelRow, key: string): Promise<void>
  /** Numbers and inserts a version with its files and tags: whole or not at all. */
  insertVersion(
    model: ModelRow,
    version: NewVersion,
    parts: {
      files: readonly VersionFile[]
      tags: readonly KeyValue[]
      /** Of a version that had one elsewhere; the next when left out. */
      number?: number
    }
  ): Promise<number>
  findVersion(model: ModelRow, version: number): Promise<VersionRow | undefined>
  /** Live versions that a run made, or that a feature service feeds, newest first. */
  findVersions(
    project: string,
    by: { runId: string } | { featureService: string }
  ): Promise<VersionRow[]>
  /** The newest live version, of a stage or of all; `readyOnly` skips failed ones. */
  findLatest(model: ModelRow, stage: Stage | null): Promise<VersionRow | undefined>
  updateVersion(row: VersionRow, changes: Partial<VersionRow>): Promise<void>
  /** Moves a version to a stage and, when asked, archives the others there. */
  moveStage(
    row: VersionRow,
    move: { stage: Stage; archiveOthers: boolean; at: number }
  ): Promise<void>
  deleteVersion(row: VersionRow, at: number): Promise<void>
  setVersionTag(row: VersionRow, tag: KeyValue): Promise<void>
  deleteVersionTag(row: VersionRow, key: string): Promise<void>
  findAlias(model: ModelRow, alias: string): Promise<number | undefined>
  setAlias(model: ModelRow, alias: string, version: number | null): Promise<void>
  addEvent(event: EventRow): Promise<void>
  versionsIn(model: ModelRow, stage: string): Promise<number[]>
  /** What happened up to an instant, oldest first. */
  eventsUntil(model: ModelRow, at: number): Promise<EventRow[]>
  listEvents(
    model: ModelRow,
    page: { before: string | undefined; limit: number }
  ): Promise<EventRow[]>
}

export function createRegistryStore(database: Database): RegistryStore {
  const db = database.as<RegistryTables>()
  const live = (model: ModelRow) =>
    db
      .selectFrom('model_versions')
      .selectAll()
      .where('model_key', '=', model.model_key)
      .where('lifecycle_stage', '=', 'active')
  return {
    insertModel: (row, tags) =>
      db.transaction().execute(async (tx) => {
        const inserted = await tx
          .insertInto('registered_models')
          .values(row)
          .onConflict((c) => c.doNothing())
          .returning('model_key')
          .executeTakeFirst()
        if (inserted === undefined) return false
        for (const tag of tags) await putModelTag(tx, inserted.model_key, tag)
        return true
      }),
    findModel: (project, name) =>
      db
        .selectFrom('registered_models')
        .selectAll()
        .where('project', '=', project)
        .where('name', '=', name)
        .executeTakeFirst(),
    findModelByKey: (modelKey) =>
      db
        .selectFrom('registered_models')
        .selectAll()
        .where('model_key', '=', modelKey)
        .executeTakeFirst(),
    modelTags: (model) =>
      db
        .selectFrom('registered_model_tags')
        .select(['key', 'value'])
        .where('model_key', '=', model.model_key)
        .execute(),
    updateModel: (model, changes) =>
      db.transaction().execute(async (tx) => {
        if (changes.name !== undefined && changes.name !== model.name) {
          const taken = await tx
            .selectFrom('registered_models')
            .select('model_key')
            .where('project', '=', model.project)
            .where('name', '=', changes.name)
            .executeTakeFirst()
          if (taken !== undefined) return false
        }
        await tx
          .updateTable('registered_models')
          .set(changes)
          .where('model_key', '=', model.model_key)
          .execute()
        return true
      }),
    async deleteModel(model) {
      await db.deleteFrom('registered_models').where('model_key', '=', model.model_key).execute()
    },
    setModelTag: (model, tag) => putModelTag(db, model.model_key, tag),
    async deleteModelTag(model, key) {
      await db
        .deleteFrom('registered_model_tags')
        .where('model_key', '=', model.model_key)
        .where('key', '=', key)
        .execute()
    },
    insertVersion: (model, version, { files, tags, number: given }) =>
      db.transaction().execute(async (tx) => {
        // Touching the model first makes others who register a version of it wait for their number.
        await tx
          .updateTable('registered_models')
          .set({ updated_at: version.updated_at })
          .where('model_key', '=', model.model_key)
          .execute()
        const { last } = await tx
          .selectFrom('model_versions')
          .select(sql<number | null>`max(version)`.as('last'))
          .where('model_key', '=', model.model_key)
          .executeTakeFirstOrThrow()
        const number = given ?? (last ?? 0) + 1
        const { version_key } = await tx
          .insertInto('model_versions')
          .values({ ...version, model_key: model.model_key, version: number })
          .returning('version_key')
          .executeTakeFirstOrThrow()
        for (let at = 0; at < files.length; at += 100)
          await tx
            .insertInto('model_version_files')
            .values(files.slice(at, at + 100).map((file) => ({ version_key, ...file })))
            .execute()
        for (const tag of tags) await putVersionTag(tx, version_key, tag)
        return number
      }),
    findVersion: (model, version) => live(model).where('version', '=', version).executeTakeFirst(),
    findVersions: (project, by) =>
      db
        .selectFrom('model_versions')
        .innerJoin('registered_models', 'registered_models.model_key', 'model_versions.model_key')
        .selectAll('model_versions')
        .where('registered_models.project', '=', project)
        .where('model_versions.lifecycle_stage', '=', 'active')
        .where((e) => {
          if ('runId' in by) return e('model_versions.run_id', '=', by.runId)
          const service = e.ref('model_versions.feature_service')
          // As it was given, or with the service's version behind it; LIKE would take "_" for any letter.
          const versioned = `${by.featureService}@v`
          return e.or([
            e(service, '=', by.featureService),
            e(e.fn('substr', [service, e.lit(1), e.lit(versioned.length)]), '=', versioned),
          ])
        })
        .orderBy('model_versions.version_key', 'desc')
        .limit(1_000)
        .execute(),
    findLatest(model, stage) {
      const query = live(model).orderBy('version', 'desc').limit(1)
      return (stage === null ? query : query.where('stage', '=', stage)).executeTakeFirst()
    },
    async versionsIn(model, stage) {
      const rows = await live(model).where('stage', '=', stage).orderBy('version').execute()
      return rows.map((row) => row.version)
    },
    async updateVersion(row, changes) {
      await db
        .updateTable('model_versions')
        .set(changes)
        .where('version_key', '=', row.version_key)
        .execute()
    },
    moveStage: (row, { stage, archiveOthers, at }) =>
      db.transaction().execute(async (tx) => {
        if (archiveOthers)
          await tx
            .updateTable('model_versions')
            .set({ stage: 'Archived', updated_at: at })
            .where('model_key', '=', row.model_key)
            .where('stage', '=', stage)
            .where('version_key', '!=', row.version_key)
            .execute()
        await tx
          .updateTable('model_versions')
          .set({ stage, updated_at: at })
          .where('version_key', '=', row.version_key)
          .execute()
      }),
    deleteVersion: (row, at) =>
      db.transaction().execute(async (tx) => {
        await tx
          .deleteFrom('model_aliases')
          .where('model_key', '=', row.model_key)
          .where('version', '=', row.version)
          .execute()
        await tx
          .updateTable('model_versions')
          .set({ lifecycle_stage: 'deleted', stage: 'None', updated_at: at })
          .where('version_key', '=', row.version_key)
          .execute()
      }),
    setVersionTag: (row, tag) => putVersionTag(db, row.version_key, tag),
    async deleteVersionTag(row, key) {
      await db
        .deleteFrom('model_version_tags')
        .where('version_key', '=', row.version_key)
        .where('key', '=', key)
        .execute()
    },
    async findAlias(model, alias) {
      const row = await db
        .selectFrom('model_aliases')
        .select('version')
        .where('model_key', '=', model.model_key)
        .where('alias', '=', alias)
        .executeTakeFirst()
      return row?.version
    },
    async setAlias(model, alias, version) {
      if (version === null) {
        await db
          .deleteFrom('model_aliases')
          .where('model_key', '=', model.model_key)
          .where('alias', '=', alias)
          .execute()
        return
      }
      await db
        .insertInto('model_aliases')
        .values({ model_key: model.model_key, alias, version })
        .onConflict((c) => c.columns(['model_key', 'alias']).doUpdateSet({ version }))
        .execute()
    },
    async addEvent(event) {
      await db.insertInto('model_version_events').values(event).execute()
    },
    eventsUntil: (model, at) =>
      db
        .selectFrom('model_version_events')
        .selectAll()
        .where('model_key', '=', model.model_key)
        .where('at', '<=', at)
        .orderBy('at')
        .orderBy('event_id')
        .execute(),
    listEvents(model, { before, limit }) {
      const query = db
        .selectFrom('model_version_events')
        .selectAll()
        .where('model_key', '=', model.model_key)
        .orderBy('event_id', 'desc')
        .limit(limit)
      return (before === undefined ? query : query.where('event_id', '<', before)).execute()
    },
  }
}

async function putModelTag(
  db: Kysely<RegistryTables>,
  modelKey: number,
  tag: KeyValue
): Promise<void> {
  await db
    .insertInto('registered_model_tags')
    .values({ model_key: modelKey, key: tag.key, value: tag.value })
    .onConflict((c) => c.columns(['model_key', 'key']).doUpdateSet({ value: tag.value }))
    .execute()
}

async function putVersionTag(
  db: Kysely<RegistryTables>,
  versionKey: number,
  tag: KeyValue
): Promise<void> {
  await db
    .insertInto('model_version_tags')
    .values({ version_key: versionKey, key: tag.key, value: tag.value })
    .onConflict((c) => c.columns(['version_key', 'key']).doUpdateSet({ value: tag.value }))
    .execute()
}
