import type { ModuleMigrations } from '../../../platform/database/index.ts'
import { createTracking } from './0001-tracking.ts'
import { createTraces } from './0002-traces.ts'

export const trackingMigrations: ModuleMigrations = {
  module: 'tracking',
  migrations: [
    { name: '0001-tracking', up: createTracking },
    { name: '0002-traces', up: createTraces },
  ],
}
