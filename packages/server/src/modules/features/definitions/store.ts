import {
  entityManifest,
  onDemandManifest,
  projection,
  serviceManifest,
  trainingSet,
  viewManifest,
  type TrainingSet,
} from '@trestle/contract'
import { z } from 'zod'
import { randomHexId } from '../../../kernel/ids.ts'
import type { Digest } from '../../../platform/blobs/index.ts'
import type { Database } from '../../../platform/database/index.ts'
import type { FeatureTables } from '../tables.ts'
import { NOTHING_DECLARED, type Definitions, type Storage } from './model.ts'

type DefinitionRow = FeatureTables['feature_definitions']

const column = z.object({ name: z.string(), type: z.string() })
const storageSpec = z.object({ keys: z.array(column), columns: z.array(column) })
const viewSpec = viewManifest.extend({
  storageId: z.int(),
  stateId: z.int().nullable().default(null),
  keys: z.array(column),
  breaking: z.array(z.string()),
})
const serviceSpec = serviceManifest.extend({
  features: z.array(projection.extend({ version: z.int() })),
})

/** What one apply writes: definition rows, new or changed in place, and storages likewise. */
export type DefinitionWrites = Readonly<{
  rows: readonly DefinitionRow[]
  storages: readonly Storage[]
}>

/** All SQL of feature definitions. */
export function createDefinitionStore(database: Database) {
  const db = database.as<FeatureTables>()
  return {
    /** Every project's definitions. */
    async load(): Promise<Map<string, Definitions>> {
      const [rows, storages] = await Promise.all([
        db
          .selectFrom('feature_definitions')
          .selectAll()
          .orderBy('name')
          .orderBy('version')
          .execute(),
        db.selectFrom('feature_storages').selectAll().execute(),
      ])
      const projects = new Map<string, Definitions>()
      for (const project of new Set(rows.map((row) => row.project))) {
        projects.set(
          project,
          assemble(
            rows.filter((row) => row.project === project),
            storages.filter((row) => row.project === project)
          )
        )
      }
      return projects
    },

    /** Writes one apply: all of it or nothing. */
    async write(writes: DefinitionWrites): Promise<void> {
      await db.transaction().execute(async (tx) => {
        for (const { id, project, view, ...spec } of writes.storages) {
          const row = { id, project, view, spec: JSON.stringify(spec) }
          await tx
            .insertInto('feature_storages')
            .values(row)
            .onConflict((c) => c.column('id').doUpdateSet({ spec: row.spec }))
            .execute()
        }
        for (const row of writes.rows) {
          await tx
            .insertInto('feature_definitions')
            .values(row)
            .onConflict((c) =>
              c
                .columns(['project', 'kind', 'name', 'version'])
                .doUpdateSet({ spec: row.spec, updated_at: row.updated_at })
            )
            .execute()
        }
      })
    },

    /** The first id of a storage or of online states that nobody has. Ids are never used again, so that old files can't come back under a new view. */
    async nextStorageId(): Promise<number> {
      const top = await db
        .selectFrom('feature_storages')
        .select((e) => e.fn.max('id').as('id'))
        .executeTakeFirst()
      const views = await db
        .selectFrom('feature_definitions')
        .select('spec')
        .where('kind', '=', 'view')
        .execute()
      const states = views.map((row) => viewSpec.parse(JSON.parse(row.spec)).stateId ?? 0)
      const reserved = await db
        .selectFrom('feature_settings')
        .select('value')
        .where('name', '=', 'reserved-id')
        .executeTakeFirst()
      const known = [(top?.id as number | null | undefined) ?? 0, Number(reserved?.value ?? 0)]
      return Math.max(...known, ...states) + 1
    },

    /** Takes an id that nobody gets again, used or not. */
    async reserveId(): Promise<number> {
      const id = await this.nextStorageId()
      await db
        .insertInto('feature_settings')
        .values({ name: 'reserved-id', value: String(id) })
        .onConflict((c) => c.column('name').doUpdateSet({ value: String(id) }))
        .execute()
      return id
    },

    /** Versions that read their states under one number read them under another. */
    async moveStates(project: string, ids: { from: number; to: number }): Promise<void> {
      await db.transaction().execute(async (tx) => {
        const rows = await tx
          .selectFrom('feature_definitions')
          .selectAll()
          .where('project', '=', project)
          .where('kind', '=', 'view')
          .execute()
        for (const row of rows) {
          const spec = viewSpec.parse(JSON.parse(row.spec))
          if (spec.stateId !== ids.from) continue
          await tx
            .updateTable('feature_definitions')
            .set({ spec: JSON.stringify({ ...spec, stateId: ids.to }) })
            .where('project', '=', project)
            .where('kind', '=', 'view')
            .where('name', '=', row.name)
            .where('version', '=', row.version)
            .execute()
        }
      })
    },

    /** What tells this deployment's rows from those of others in a shared engine; the same for ever. */
    async namespace(): Promise<string> {
      await db
        .insertInto('feature_settings')
        .values({ name: 'namespace', value: randomHexId().slice(0, 12) })
        .onConflict((c) => c.column('name').doNothing())
        .execute()
      const row = await db
        .selectFrom('feature_settings')
        .select('value')
        .where('name', '=', 'namespace')
        .executeTakeFirstOrThrow()
      return row.value
    },

    async insertTrainingSet(row: { id: string; project: string; set: TrainingSet }): Promise<void> {
      await db
        .insertInto('feature_training_sets')
        .values({
          id: row.id,
          project: row.project,
          name: row.set.name,
          digest: row.set.digest,
          spec: JSON.stringify(row.set),
          created_at: row.set.createdAt,
        })
        .execute()
    },
    async trainingSetBlobs(digests: readonly Digest[]): Promise<Digest[]> {
      if (digests.length === 0) return []
      const rows = await db
        .selectFrom('feature_training_sets')
        .select('digest')
        .distinct()
        .where('digest', 'in', digests)
        .execute()
      return rows.map((row) => row.digest)
    },
    async listTrainingSets(project: string): Promise<TrainingSet[]> {
      const rows = await db
        .selectFrom('feature_training_sets')
        .selectAll()
        .where('project', '=', project)
        .orderBy('id', 'desc')
        .limit(1000)
        .execute()
      return rows.map((row) => trainingSet.parse(JSON.parse(row.spec)))
    },
  }
}
export type DefinitionStore = ReturnType<typeof createDefinitionStore>

function assemble(
  rows: readonly DefinitionRow[],
  storages: readonly FeatureTables['feature_storages'][]
): Definitions {
  const stamps = (row: DefinitionRow) => ({
    project: row.project,
    version: row.version,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  })
  const of = (kind: DefinitionRow['kind']) => rows.filter((row) => row.kind === kind)
  const read = <T>(schema: z.ZodType<T>, row: DefinitionRow) => ({
    ...schema.parse(JSON.parse(row.spec)),
    ...stamps(row),
  })
  return {
    ...NOTHING_DECLARED,
    entities: new Map(of('entity').map((row) => [row.name, read(entityManifest, row)])),
    views: byName(of('view').map((row) => read(viewSpec, row))) as Definitions['views'], // column types were checked when they were written
    onDemand: byName(of('on_demand').map((row) => read(onDemandManifest, row))),
    services: byName(of('service').map((row) => read(serviceSpec, row))),
    storages: new Map(
      storages.map((row) => [
        row.id,
        {
          id: row.id,
          project: row.project,
          view: row.view,
          ...storageSpec.parse(JSON.parse(row.spec)),
        } as Storage, // as above
      ])
    ),
  }
}

function byName<T extends { readonly name: string }>(records: readonly T[]): Map<string, T[]> {
  return Map.groupBy(records, (record) => record.name)
}
