import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createApp, type AppOverrides } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'

/** A whole server on a port of its own and a fresh data folder. */
export async function startTestApp(
  settings: Record<string, string> = {},
  overrides: AppOverrides = {}
): Promise<{ url: string; grpcPort: number | null; dataDir: string; stop: () => Promise<void> }> {
  const dataDir = settings['TRESTLE_DATA'] ?? (await mkdtemp(join(tmpdir(), 'trestle-app-')))
  const config = readConfig({
    TRESTLE_PORT: '0',
    TRESTLE_LOG_LEVEL: 'silent',
    TRESTLE_DATA: dataDir,
    ...settings,
  })
  const app = createApp(config, overrides)
  const { url, grpcPort } = await app.start()
  return {
    url,
    grpcPort,
    dataDir,
    stop: async () => {
      await app.stop()
      if (settings['TRESTLE_DATA'] === undefined)
        await rm(dataDir, { recursive: true, force: true })
    },
  }
}
