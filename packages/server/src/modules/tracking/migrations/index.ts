import type { ModuleMigrations } from '../../../platform/database/index.ts'
import { createTracking } from './0001-tracking.ts'
import { createTraces } from './0002-traces.ts'
import { addDeletedAt } from './0003-deleted-at.ts'
import { createEvaluation } from './0004-evaluation.ts'

export const trackingMigrations: ModuleMigrations = {
  module: 'tracking',
  migrations: [
    { name: '0001-tracking', up: createTracking },
    { name: '0002-traces', up: createTraces },
    { name: '0003-deleted-at', up: addDeletedAt },
    { name: '0004-evaluation', up: createEvaluation },
  ],
}
