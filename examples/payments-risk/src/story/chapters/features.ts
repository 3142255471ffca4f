import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { applyDeclarations, collectDeclarations } from '@trestle/sdk'
import * as config from '../../../trestle.config.ts'
import { featureRowsCsv } from '../../csv.ts'
import { expectThat } from '../expect-that.ts'
import type { History } from '../payments.ts'
import type { Stage } from '../stage.ts'

/** Entities, views and a service are declared in TypeScript, the warehouse's history is imported, and the newest values go online. */
export async function buildFeatures({ client, teller }: Stage, history: History): Promise<void> {
  const declared = withHistory(collectDeclarations(config), await writeHistory(history))
  const { changes } = await applyDeclarations(client, declared)
  for (const change of changes) teller.say(`${change.kind} ${change.subject}`)

  const { views } = await client.features.materialize({})
  for (const view of views)
    teller.say(
      `${view.view}: ${view.importedRows} rows imported, ${view.materializedRows} written online, ${(view.durationMs / 1000).toFixed(1)} s`
    )
  expectThat(
    views.length === 2 && views.every((view) => view.materializedRows > 0),
    'a view has no rows online'
  )

  const again = await applyDeclarations(client, declared, { dryRun: true })
  expectThat(
    again.changes.every(({ kind }) => kind === 'unchanged'),
    'applying the same declarations again would change something'
  )
}

type Declared = ReturnType<typeof collectDeclarations>

/** The views of the configuration take pushed rows; here they also have a file to begin with. */
function withHistory(declared: Declared, folder: string): Declared {
  const views = (declared.features.views ?? []).map((view) => ({
    ...view,
    batch: {
      kind: 'csv' as const,
      path: join(folder, `${view.name}.csv`),
      eventTime: 'event_timestamp',
      createdTime: 'created',
    },
  }))
  return { ...declared, features: { ...declared.features, views } }
}

async function writeHistory(history: History): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'payments-risk-'))
  await writeFile(join(folder, 'customer_stats.csv'), featureRowsCsv(history.customerStats))
  await writeFile(join(folder, 'merchant_stats.csv'), featureRowsCsv(history.merchantStats))
  return folder
}
