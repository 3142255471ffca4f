import type { InferenceLogSettings } from '@trestle/contract'
import type { Database } from '../../platform/database/index.ts'
import type { MonitoringTables } from './tables.ts'

const DEFAULT: InferenceLogSettings = { samplingRate: 1, retentionDays: 30, masks: {} }

/** What the log keeps of each endpoint. In memory, because every prediction asks. */
export function createLogSettings(database: Database) {
  const db = database.as<MonitoringTables>()
  const known = new Map<string, InferenceLogSettings>()
  const keyOf = (project: string, endpoint: string): string => `${project}/${endpoint}`
  return {
    of: (project: string, endpoint: string): InferenceLogSettings =>
      known.size === 0 ? DEFAULT : (known.get(keyOf(project, endpoint)) ?? DEFAULT),
    async load(): Promise<void> {
      for (const row of await db.selectFrom('log_settings').selectAll().execute())
        known.set(keyOf(row.project, row.endpoint), {
          samplingRate: row.sampling_rate,
          retentionDays: row.retention_days,
          masks: JSON.parse(row.masks_json) as InferenceLogSettings['masks'], // written below
        })
    },
    async put(
      at: { project: string; endpoint: string },
      settings: InferenceLogSettings
    ): Promise<void> {
      const row = {
        ...at,
        sampling_rate: settings.samplingRate,
        retention_days: settings.retentionDays,
        masks_json: JSON.stringify(settings.masks),
      }
      await db
        .insertInto('log_settings')
        .values(row)
        .onConflict((c) => c.columns(['project', 'endpoint']).doUpdateSet(row))
        .execute()
      known.set(keyOf(at.project, at.endpoint), settings)
    },
  }
}
export type LogSettingsTable = ReturnType<typeof createLogSettings>
