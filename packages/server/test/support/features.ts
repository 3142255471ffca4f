import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { featureManifest, type FeatureManifestInput } from '@trestle/contract'
import { createManualClock } from '../../src/kernel/clock.ts'
import { createCatalog } from '../../src/modules/features/definitions/catalog.ts'
import type { FeatureInconsistency } from '../../src/modules/features/consistency/checker.ts'
import { createUsage } from '../../src/modules/features/discovery/usage.ts'
import { createServedLog } from '../../src/modules/features/consistency/served-log.ts'
import { createConsistencyStore } from '../../src/modules/features/consistency/store.ts'
import { createTopic, type Topic } from '../../src/platform/events/topic.ts'
import { createDefinitionStore } from '../../src/modules/features/definitions/store.ts'
import { createFeatureStore, type FeatureStore } from '../../src/modules/features/feature-store.ts'
import { featuresMigrations } from '../../src/modules/features/migrations/index.ts'
import { createDuckDb } from '../../src/platform/duckdb/index.ts'
import { createOfflineLog } from '../../src/modules/features/offline/offline-log.ts'
import { createOfflineStore } from '../../src/modules/features/offline/offline-store.ts'
import type { OnlineStore } from '../../src/modules/features/online/online-store.ts'
import { createSqliteOnlineStore } from '../../src/modules/features/online/sqlite-online-store.ts'
import { openS3, type S3 } from '../../src/platform/s3/index.ts'
import { createPostgresSources } from '../../src/platform/postgres-source/index.ts'
import { createTransforms } from '../../src/modules/features/on-demand/transforms.ts'
import { createSourceFiles } from '../../src/modules/features/sources/source-files.ts'
import { createSourceRoot } from '../../src/modules/features/sources/source-root.ts'
import { createFileBlobStore } from '../../src/platform/blobs/index.ts'
import { openSqlite } from './databases.ts'

export const T0 = Date.UTC(2026, 0, 1)

export type TestFeatures = Readonly<{
  store: FeatureStore
  dir: string
  clock: ReturnType<typeof createManualClock>
  online: OnlineStore
  inconsistent: Topic<FeatureInconsistency>
  apply: (manifest: FeatureManifestInput) => ReturnType<FeatureStore['catalog']['apply']>
  close: () => Promise<void>
}>

/** A feature store in a folder of its own, on SQLite, with a clock that the test moves. */
export async function openTestFeatures(
  options: {
    online?: OnlineStore
    sampledRowsPerMinute?: number
    sourceRoot?: string
    s3?: S3
    postgres?: ReadonlyMap<string, string>
  } = {}
): Promise<TestFeatures> {
  const dir = await mkdtemp(join(tmpdir(), 'trestle-features-'))
  const { database, remove } = await openSqlite()
  await database.migrate([featuresMigrations])
  const clock = createManualClock(T0)
  const definitions = createDefinitionStore(database)
  const catalog = createCatalog({ store: definitions, clock })
  const temporaryDir = join(dir, 'tmp')
  const duckdb = createDuckDb({ temporaryDir, memoryLimit: '1GB', threads: 2 })
  const log = createOfflineLog(join(dir, 'offline.db'))
  const offline = createOfflineStore({ dir, log, duckdb, clock })
  const online = options.online ?? createSqliteOnlineStore(join(dir, 'online.db'))
  const blobs = createFileBlobStore(join(dir, 'blobs'))
  const served = createServedLog(join(dir, 'served.db'))
  const inconsistent = createTopic<FeatureInconsistency>('inconsistent', (error) => {
    throw error
  })
  const transforms = createTransforms({ isAllowed: true })
  const store = createFeatureStore({
    catalog,
    definitions,
    offline,
    online,
    transforms,
    sources: createSourceFiles({
      root: createSourceRoot(options.sourceRoot ?? null),
      s3: options.s3 ?? openS3({ region: 'us-east-1', endpoint: null, credentials: null }),
      postgres: createPostgresSources({ urls: options.postgres ?? new Map(), duckdb }),
      duckdb,
      temporaryDir,
    }),
    duckdb,
    blobs,
    clock,
    temporaryDir,
    served,
    usage: createUsage({ database, clock }),
    consistencyStore: createConsistencyStore(database),
    sampledRowsPerMinute: options.sampledRowsPerMinute ?? 0,
    inconsistent,
  })
  return {
    store,
    dir,
    clock,
    online,
    inconsistent,
    apply: (manifest) =>
      store.apply({
        project: 'default',
        manifest: featureManifest.parse(manifest),
        dryRun: false,
      }),
    async close() {
      await store.settled()
      transforms.stop()
      await duckdb.stop()
      log.close()
      served.close()
      await online.close()
      await database.stop(AbortSignal.timeout(5_000))
      await remove()
      await rm(dir, { recursive: true, force: true })
    },
  }
}
