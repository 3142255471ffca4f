import type { Database } from '../../platform/database/index.ts'
import { settingsOf, type EndpointSettings, type StoredEndpoint } from './endpoint.ts'
import type { ServingTables } from './tables.ts'

type Definition = EndpointSettings & Pick<StoredEndpoint, 'variants' | 'traffic'>

/** All SQL of serving. */
export function createServingStore(database: Database) {
  const db = database.as<ServingTables>()
  return {
    async listEndpoints(): Promise<StoredEndpoint[]> {
      const rows = await db
        .selectFrom('serving_endpoints')
        .selectAll()
        .orderBy('project')
        .orderBy('name')
        .execute()
      return rows.map(fromRow)
    },
    async findEndpoint(project: string, name: string): Promise<StoredEndpoint | null> {
      const row = await db
        .selectFrom('serving_endpoints')
        .selectAll()
        .where('project', '=', project)
        .where('name', '=', name)
        .executeTakeFirst()
      return row === undefined ? null : fromRow(row)
    },
    /** False when the name is taken. */
    async insertEndpoint(endpoint: StoredEndpoint): Promise<boolean> {
      const result = await db
        .insertInto('serving_endpoints')
        .values(toRow(endpoint))
        .onConflict((c) => c.doNothing())
        .executeTakeFirst()
      return result.numInsertedOrUpdatedRows === 1n
    },
    /** Writes `endpoint` over the revision before it; false when somebody else changed it meanwhile. */
    async updateEndpoint(endpoint: StoredEndpoint): Promise<boolean> {
      const { id, revision, definition, updated_at } = toRow(endpoint)
      const result = await db
        .updateTable('serving_endpoints')
        .set({ revision, definition, updated_at })
        .where('id', '=', id)
        .where('revision', '=', revision - 1)
        .executeTakeFirst()
      return result.numUpdatedRows === 1n
    },
    async deleteEndpoint(id: string): Promise<boolean> {
      const result = await db
        .deleteFrom('serving_endpoints')
        .where('id', '=', id)
        .executeTakeFirst()
      return result.numDeletedRows === 1n
    },
  }
}
export type ServingStore = ReturnType<typeof createServingStore>

function toRow(endpoint: StoredEndpoint): ServingTables['serving_endpoints'] {
  const { variants, traffic } = endpoint
  const definition: Definition = { ...settingsOf(endpoint), variants, traffic }
  return {
    id: endpoint.id,
    project: endpoint.project,
    name: endpoint.name,
    revision: endpoint.revision,
    definition: JSON.stringify(definition),
    created_at: endpoint.createdAt,
    updated_at: endpoint.updatedAt,
  }
}

function fromRow(row: ServingTables['serving_endpoints']): StoredEndpoint {
  // Written by toRow; rows of earlier times have no logger.
  const definition = JSON.parse(row.definition) as Omit<Definition, 'logger'> & Partial<Definition>
  return {
    id: row.id,
    project: row.project,
    name: row.name,
    revision: row.revision,
    ...definition,
    logger: definition.logger ?? null,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}
