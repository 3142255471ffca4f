import type { ModuleMigrations } from '../../../platform/database/index.ts'
import { createRegistryTables } from './0001-registry.ts'

export const registryMigrations: ModuleMigrations = {
  module: 'registry',
  migrations: [{ name: '0001-registry', up: createRegistryTables }],
}
