import type { ModuleMigrations } from '../../../platform/database/index.ts'
import { createRegistryTables } from './0001-registry.ts'
import { createGovernance } from './0002-governance.ts'

export const registryMigrations: ModuleMigrations = {
  module: 'registry',
  migrations: [
    { name: '0001-registry', up: createRegistryTables },
    { name: '0002-governance', up: createGovernance },
  ],
}
