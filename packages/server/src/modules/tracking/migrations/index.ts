import type { ModuleMigrations } from '../../../platform/database/index.ts'
import { createTracking } from './0001-tracking.ts'

export const trackingMigrations: ModuleMigrations = {
  module: 'tracking',
  migrations: [{ name: '0001-tracking', up: createTracking }],
}
