import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { chromium, type Browser, type Page } from 'playwright-core'
import { consoleFolder } from '../../src/platform/http/index.ts'

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  isProgram
)

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Whether these tests can run here. On CI they must: a missing browser fails there. */
export const hasBrowser = CHROMIUM !== undefined || process.env['CI'] !== undefined

export const openBrowser = (): Promise<Browser> => {
  if (CHROMIUM === undefined) throw new Error('No Chromium: install the package "chromium"')
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

/** A page of its own profile that remembers what it complained of. Refused requests are logged by Chromium itself: tests that provoke one name its status. */
export async function openPage(
  browser: Browser,
  options: { expectedStatuses?: readonly number[]; colorScheme?: 'light' | 'dark' } = {}
): Promise<{ page: Page; complaints: string[]; close: () => Promise<void> }> {
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    colorScheme: options.colorScheme ?? 'light',
    reducedMotion: 'reduce',
    permissions: ['clipboard-read', 'clipboard-write'],
  })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    if (message.type() !== 'error' && message.type() !== 'warning') return
    const text = message.text()
    const isExpected = options.expectedStatuses?.some((status) =>
      text.includes(`the server responded with a status of ${status}`)
    )
    if (isExpected !== true) complaints.push(text)
  })
  page.setDefaultTimeout(15_000)
  return { page, complaints, close: () => context.close() }
}

/** Builds the console when its sources are newer than what was built. */
export async function buildConsole(): Promise<void> {
  const built = join(consoleFolder(), 'index.html')
  const root = join(consoleFolder(), '..')
  const builtAt = existsSync(built) ? (await stat(built)).mtimeMs : 0
  if ((await newest(join(root, 'src'))) <= builtAt) return
  const { status, stderr } = spawnSync(
    process.execPath,
    [join(root, '../../node_modules/vite/bin/vite.js'), 'build', '--logLevel', 'warn'],
    { cwd: root, encoding: 'utf8' }
  )
  if (status !== 0) throw new Error(`vite build failed: ${stderr}`)
}

async function newest(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const times = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map(async (entry) => (await stat(join(entry.parentPath, entry.name))).mtimeMs)
  )
  return Math.max(0, ...times)
}
